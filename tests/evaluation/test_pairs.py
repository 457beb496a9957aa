from firstread.evaluation.marks import Nodule
from firstread.evaluation.pairs import paired
from tests.evaluation.samples import finding


def nodule(x: float, diameter_mm: float = 10.0) -> Nodule:
    return Nodule((x, 0.0, 0.0), diameter_mm, 4)


def test_each_nodule_gets_the_nearest_finding_within_its_radius():
    near, nearer, far = finding(4.0), finding(1.0), finding(20.0)
    assert paired([nodule(0), nodule(40)], [near, nearer, far]) == [nearer, None]


def test_no_finding_is_given_to_two_nodules():
    only = finding(3.0)
    assert paired([nodule(0), nodule(5)], [only]) == [None, only]


def test_a_least_radius_lets_small_nodules_be_hit():
    only = finding(3.0)
    assert paired([nodule(0, 4.0)], [only]) == [None]
    assert paired([nodule(0, 4.0)], [only], least_radius_mm=3.0) == [only]
