import pytest

from firstread.readers.lung_nodule.match import Lesion, match


def lesion(x, mm=8.0, **facts):
    return Lesion(place_mm=(float(x), 0.0, 0.0), mean_mm=mm, **facts)


def partners(current, prior, **how):
    return {now: then for now, (then, _) in match(current, prior, **how).items()}


def test_neighbours_are_matched_together_not_each_to_its_nearest():
    # Both moved by 6 mm: the second's old place is nearest to the first's new one.
    assert partners([lesion(6), lesion(16)], [lesion(0), lesion(10)]) == {0: 0, 1: 1}


def test_size_tells_two_lesions_apart_that_are_equally_near():
    assert partners([lesion(0, 4), lesion(0, 15)], [lesion(3, 15), lesion(-3, 4)]) == {0: 1, 1: 0}


@pytest.mark.parametrize(
    ("x", "method", "found"), [(10, "surfaces", 1), (11, "surfaces", 0), (20, "boxes", 1)]
)
def test_the_gate_depends_on_the_registration(x, method, found):
    assert len(match([lesion(x)], [lesion(0)], method=method)) == found


def test_a_large_lesion_may_move_further():
    assert len(match([lesion(18, 28)], [lesion(0, 26)])) == 1


def test_a_lesion_five_times_as_large_is_another():
    assert len(match([lesion(0, 20)], [lesion(0, 4)])) == 1
    assert len(match([lesion(0, 20.1)], [lesion(0, 4)])) == 0


def test_lesions_of_the_two_lungs_are_never_one():
    assert match([lesion(0, laterality="left")], [lesion(4, laterality="right")]) == {}


def test_each_lesion_has_one_partner_and_the_distance_is_given():
    pairs = match([lesion(1), lesion(2)], [lesion(0)])
    assert pairs == {0: (0, 1.0)}


def test_nothing_to_match():
    assert match([], [lesion(0)]) == {}
    assert match([lesion(0)], []) == {}
