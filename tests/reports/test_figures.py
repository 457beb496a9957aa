from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from firstread.reports import figures
from firstread.reports.wording import wording


@pytest.mark.parametrize(
    ("value", "text"),
    [(8.0, "8.0"), (7.25, "7.2"), (-0.04, "0.0"), (-1.3, "−1.3"), (None, "–"), (float("nan"), "–")],
)
def test_millimetres_have_one_decimal_and_what_is_no_number_is_a_dash(value, text):
    assert figures.mm(value) == text


def test_a_change_carries_its_sign():
    assert [figures.signed_mm(value) for value in (3.3, -0.1, 0.0)] == ["+3.3", "−0.1", "+0.0"]


def test_spacing_drops_idle_zeros():
    assert [figures.spacing(value) for value in (1.25, 0.625, 1.0, 0.7)] == ["1.25", "0.625", "1.0", "0.7"]


def test_quantities_are_written_with_the_units_people_use():
    assert figures.quantity(-312.4, "[hnsf'U]") == "−312 HU"
    assert figures.quantity(187.4, "mm3") == "187 mm³"
    assert figures.quantity(2.5, "parsec") == "2.5 parsec"


def test_dates_cannot_be_misread():
    day = date(2024, 3, 4)
    assert (figures.day(day, wording("en")), figures.day(day, wording("zh"))) == (
        "4 March 2024",
        "2024年3月4日",
    )


def test_a_moment_names_its_time_zone():
    words = wording("en")
    noon = datetime(2024, 3, 4, 12, 0)
    assert figures.moment(noon, words) == "4 March 2024 12:00"
    assert figures.moment(noon.replace(tzinfo=UTC), words) == "4 March 2024 12:00 UTC"
    east = noon.replace(tzinfo=timezone(timedelta(hours=8)))
    assert figures.moment(east, words) == "4 March 2024 12:00 UTC+08:00"


def test_foreign_strings_lose_control_and_direction_characters_and_their_length():
    assert figures.clean("a\x00b\x1b[31m\u202ec\nd\ud800") == "ab[31mc d"
    assert figures.clean("x" * 1000, 10) == "x" * 9 + "…"


def test_abbreviations_keep_their_capitals_within_a_sentence():
    assert figures.uncapital("Low-dose CT") == "low-dose CT"
    assert figures.uncapital("CT in 3 months") == "CT in 3 months"
    assert figures.uncapital("PET/CT") == "PET/CT"
