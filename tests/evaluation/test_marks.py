import math

import pytest

from firstread.evaluation.marks import Mark, Nodule, merge, texture_class


def mark(x: float, *, long_mm: float = 10.0, **known: object) -> Mark:
    return Mark((x, 0.0, 0.0), long_mm, **known)


def test_marks_within_the_larger_ones_radius_are_one_nodule():
    nodules = merge([mark(0), mark(4.9), mark(30), mark(2)])
    assert [nodule.readers for nodule in nodules] == [3, 1]
    assert nodules[0].center_lps_mm == pytest.approx((2.3, 0, 0))


def test_small_marks_are_merged_up_to_4_mm():
    assert len(merge([mark(0, long_mm=3), mark(3.9, long_mm=3)])) == 1
    assert len(merge([mark(0, long_mm=3), mark(4.1, long_mm=3)])) == 2


def test_two_marks_of_one_named_reader_are_one_reader():
    (nodule,) = merge([mark(0, reader="a"), mark(1, reader="a"), mark(2, reader="b")])
    assert nodule.readers == 2
    assert len(nodule.marks) == 3


def test_the_diameter_is_the_mean_of_spheres_of_equal_volume():
    volumes = [math.pi / 6 * d**3 for d in (8.0, 10.0)]
    (nodule,) = merge([mark(0, volume_mm3=v) for v in volumes])
    assert nodule.diameter_mm == pytest.approx(9.0)
    assert merge([mark(0, long_mm=7.0)])[0].diameter_mm == 7.0


def test_the_mean_diameter_takes_the_short_one_else_the_box_else_nothing():
    assert mark(0, short_mm=6.0, box_mm=(9.0, 9.0, 5.0)).mean_mm == 8.0
    assert mark(0, box_mm=(9.0, 7.0, 5.0)).mean_mm == 8.0
    assert mark(0).mean_mm is None


def test_enough_readers_make_a_nodule_count_and_a_list_of_consensus_needs_none():
    assert [Nodule((0, 0, 0), 8.0, n).agreed(3) for n in (2, 3, 4, None)] == [False, True, True, True]
    assert Nodule((0, 0, 0), 8.0, 1).agreed(1)


@pytest.mark.parametrize(
    ("rating", "name"),
    [(1, "ground-glass"), (2, "ground-glass"), (2.5, "part-solid"), (3, "part-solid"), (3.5, "part-solid"),
     (4, "solid"), (5, "solid")],
)  # fmt: skip
def test_texture_ratings_name_a_class(rating: float, name: str):
    assert texture_class(rating) == name
