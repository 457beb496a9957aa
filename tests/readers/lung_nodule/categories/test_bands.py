from math import inf

import pytest

from firstread.readers.lung_nodule.categories.bands import Band, look_up, tenth, whole


@pytest.mark.parametrize(
    ("mm", "rounded"), [(5.94, 5.9), (5.95, 6.0), (6.05, 6.1), (14.949, 14.9), (0.0, 0.0)]
)
def test_a_tenth_rounds_halves_up(mm, rounded):
    assert tenth(mm) == rounded


@pytest.mark.parametrize(("mm", "rounded"), [(5.49, 5), (5.5, 6), (6.5, 7), (8.4, 8), (8.5, 9)])
def test_whole_millimetres_round_halves_up(mm, rounded):
    assert whole(mm) == rounded


def test_a_band_holds_its_lower_bound_and_not_its_upper():
    table = (Band(0, 6, "a"), Band(6, inf, "b"))
    assert [look_up(table, mm).value for mm in (0, 5.9, 6.0, 500)] == ["a", "a", "b", "b"]


@pytest.mark.parametrize("mm", [-0.1, float("nan")])
def test_no_nodule_has_an_impossible_size(mm):
    with pytest.raises(ValueError, match="no nodule measures"):
        look_up((Band(0, inf, "a"),), mm)
