import pytest

from firstread.evaluation.measurement import measurement_report
from tests.evaluation.samples import finding, marked, read_of


def row(report, quantity, *, by="firstread", size="all"):
    (found,) = (r for r in report.agreement if (r.quantity, r.by, r.size) == (quantity, by, size))
    return found


@pytest.fixture
def report():
    """Long diameters of 10, 12 and 8 mm where readers mean 9, 10 and 9; a fourth nodule is missed."""
    readers = marked({"long_mm": 8.0, "volume_mm3": 200}, {"long_mm": 10.0, "volume_mm3": 300})
    other = marked({"long_mm": 10.0, "volume_mm3": 500}, {"long_mm": 10.0, "volume_mm3": 500})
    return measurement_report(
        read_of(
            (readers, finding(long=10, volume_mm3=300)),
            (other, finding(long=12, volume_mm3=500)),
            (readers, finding(long=8, volume_mm3=200)),
            (readers, None),
        ),
        least_readers=2,
    )


def test_bias_limits_and_error_are_those_counted_by_hand(report):
    told = row(report, "long diameter")
    assert told.bias.n == 3
    assert told.bias.value == pytest.approx(2 / 3)  # 1, 2, -1
    assert told.mean_absolute_error.value == pytest.approx(4 / 3)
    # Standard deviation of 1, 2, -1 is 1.5275.
    assert told.limits_of_agreement == pytest.approx((2 / 3 - 1.96 * 1.5275, 2 / 3 + 1.96 * 1.5275), abs=1e-3)
    assert told.bias.low < told.bias.value < told.bias.high


def test_volume_errors_are_relative_to_the_readers_mean(report):
    # |300 - 250| / 250, 0, |200 - 250| / 250
    assert row(report, "volume").median_relative_error.value == pytest.approx(0.2)


def test_readers_are_compared_with_the_others_missed_nodules_included(report):
    told = row(report, "long diameter", by="reader")
    assert told.bias.n == 8
    assert told.bias.value == pytest.approx(0.0)
    assert told.mean_absolute_error.value == pytest.approx(6 * 2 / 8)


def test_what_was_missed_is_said_and_not_measured(report):
    assert (report.found.value, report.found.n) == (0.75, 4)
    assert {one.scan for one in report.values} == {"s0", "s1", "s2"}


def test_sizes_are_told_apart_by_the_readers_sphere(report):
    # 200 and 300 mm³ are spheres of 7.3 and 8.3 mm, 500 mm³ of 9.8 mm: one class.
    assert row(report, "volume", size="6 to 12 mm").bias.n == 3
    assert {one.size for one in report.agreement} == {"all", "6 to 12 mm"}


def test_two_values_have_no_limits_of_agreement():
    nodule = marked({"volume_mm3": 300})
    report = measurement_report(read_of((nodule, finding()), (nodule, finding())), least_readers=1)
    assert row(report, "long diameter").limits_of_agreement is None
    assert not [r for r in report.agreement if r.by == "reader"]


def test_a_mean_diameter_is_compared_only_where_readers_gave_one():
    report = measurement_report(
        read_of((marked({}), finding()), (marked({"short_mm": 6.0}), finding())), least_readers=1
    )
    told = row(report, "mean diameter")
    assert (told.bias.n, told.bias.value) == (1, pytest.approx(1.0))


def test_nothing_found_gives_a_report_without_figures():
    report = measurement_report(read_of((marked({"volume_mm3": 300}), None)), least_readers=1)
    assert (report.found.value, report.values, report.agreement) == (0.0, (), ())
