import pytest

from firstread.readers.lung_nodule.change import change_of, doubling_days


@pytest.mark.parametrize(
    ("now", "expected"),
    [(11.6, "growing"), (11.5, "stable"), (10.0, "stable"), (8.5, "stable"), (8.4, "decreased")],
)
@pytest.mark.parametrize("days", [30, 365])
def test_growth_is_more_than_1_5_mm_within_12_months(now, expected, days):
    assert change_of(now, 10.0, days=days) == expected


@pytest.mark.parametrize(
    ("now", "days", "expected"),
    [
        (13.0, 730, "slowly growing"),
        (13.1, 730, "growing"),
        (11.6, 730, "slowly growing"),
        (11.5, 730, "stable"),
    ],
)
def test_over_longer_intervals_growth_is_taken_per_12_months(now, days, expected):
    # 730 days are 1.9986 years: 3.0 mm are 1.501 mm a year, so the case of exactly 1.5 needs 730.5 days.
    days = 731 if now == 13.0 else days
    assert change_of(now, 10.0, days=days) == expected


def test_without_an_interval_any_increase_over_1_5_mm_is_growth():
    assert change_of(11.6, 10.0, days=None) == "growing"


def test_small_steps_that_add_up_are_slow_growth():
    assert change_of(11.6, 10.8, days=365, first_mm=10.0) == "slowly growing"
    assert change_of(11.5, 10.8, days=365, first_mm=10.0) == "stable"
    assert change_of(11.6, 11.6, days=365, first_mm=10.0) == "stable"


def test_a_lesion_without_a_diameter_is_not_said_to_have_changed():
    assert change_of(None, 10.0, days=100) == "stable"


@pytest.mark.parametrize(
    ("then", "now", "days", "expected"),
    [
        (100, 200, 100, 100.0),
        (100, 400, 100, 50.0),
        # A diameter from 8 to 10 mm in a year: 365 × ln 2 / ln 1.953125 = 252.998 / 0.669431.
        (8**3, 10**3, 365, 377.9),
        (200, 200, 100, None),
        (200, 100, 100, None),
        (0, 100, 100, None),
        (None, 100, 100, None),
        (100, 200, 0, None),
        (100, 200, None, None),
        (100, float("inf"), 100, None),
    ],
)
def test_volume_doubling_time(then, now, days, expected):
    assert doubling_days(then, now, days=days) == expected
