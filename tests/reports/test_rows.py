from firstread.reports.rows import rows
from firstread.reports.wording import wording
from tests.reports import samples


def test_a_row_leads_each_cell_with_what_matters_most():
    first, *_ = rows(samples.with_prior(), wording("en"), {})
    assert first.size == ("mean 10.4 mm", "11.6 × 9.2 mm")
    assert first.change == ("growing", "was 7.1 mm", "+3.3 mm", "in 197 days", "VDT 119 days")
    assert first.category == ("4B", "Lung-RADS v2022")


def test_what_was_not_measured_is_a_dash():
    unmeasured = rows(samples.several(), wording("en"), {})[3]
    assert (unmeasured.size, unmeasured.volume, unmeasured.category) == (("–",), ("–",), ("–",))


def test_what_is_not_png_is_no_key_image():
    png = samples.key_image()
    laid = rows(samples.several(), wording("en"), {"N1": png, "N2": b"<svg onload='alert(1)'/>"})
    assert [row.image for row in laid] == [png, None, None, None]
