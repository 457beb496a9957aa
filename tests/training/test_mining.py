"""What the candidate network is told of the detector's proposals."""

import numpy as np

from firstread.readers.lung_nodule.detect import Candidate
from training.lung_nodule.mining import FALSE_ALARM, IGNORED, NODULE, labelled


def at(x, y, z):
    return Candidate(center_lps_mm=(x, y, z), diameter_mm=6.0, logit=0.0)


def stored(*nodules):
    return np.array(nodules, np.float32)


def nodule(z, y, x, diameter=10.0, readers=4):
    return (z, y, x, diameter, readers)


def test_a_proposal_within_the_radius_is_a_nodule_beside_it_nothing_and_elsewhere_a_false_alarm():
    labels, diameters, missed = labelled(
        [at(30, 20, 14), at(30, 20, 17), at(30, 20, 19)], stored(nodule(10, 20, 30))
    )
    assert labels == [NODULE, IGNORED, FALSE_ALARM]
    assert diameters == [10, 0, 0]
    assert missed == []


def test_a_small_nodule_is_hit_within_the_tolerance_of_an_outline():
    labels, *_ = labelled([at(30, 20, 12.4)], stored(nodule(10, 20, 30, diameter=3.0)))
    assert labels == [NODULE]


def test_a_mark_of_one_reader_is_neither_and_two_readers_make_a_nodule():
    proposals = [at(30, 20, 10), at(80, 20, 10)]
    nodules = stored(nodule(10, 20, 30, readers=1), nodule(10, 20, 80, readers=2))
    labels, _, missed = labelled(proposals, nodules)
    assert labels == [IGNORED, NODULE] and missed == []


def test_nodules_that_nothing_was_proposed_for_are_shown_as_well():
    nodules = stored(nodule(10, 20, 30), nodule(90, 90, 90), nodule(50, 50, 50, readers=1))
    _, _, missed = labelled([at(30, 20, 10)], nodules)
    assert missed == [1]


def test_a_proposal_between_two_nodules_is_that_which_it_hits():
    labels, diameters, missed = labelled(
        [at(30, 20, 10)], stored(nodule(17, 20, 30, diameter=9), nodule(10, 20, 31, diameter=5))
    )
    assert labels == [NODULE] and diameters == [5] and len(missed) == 1


def test_a_nodule_beside_a_place_that_readers_only_pointed_at_is_a_nodule():
    pointed_at, known = nodule(10, 20, 34, readers=0), nodule(10, 20, 30)
    labels, _, missed = labelled([at(30, 20, 10), at(38, 20, 10)], stored(pointed_at, known))
    assert labels == [NODULE, IGNORED] and missed == []
