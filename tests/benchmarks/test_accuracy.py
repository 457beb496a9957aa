import numpy as np
import pytest

from benchmarks.engines.accuracy import auc, found_of, labelled, mean_dice, near_lungs, to_be_found
from benchmarks.engines.bars import geometric_mean, lost, peak_share, speed
from firstread.dicom.geometry import Geometry
from firstread.evaluation.froc import Truth


def rows(*places):
    return np.array([(*place, 6.0, logit) for *place, logit in places], float).reshape(-1, 5)


def test_auc_is_how_often_a_nodule_scores_above_what_is_none():
    labels = np.array([1, 1, 0, 0, -1], np.int8)
    assert auc(labels, np.array([3.0, 1.0, 2.0, 1.0, 9.0])) == (2 + 0.5) / 4
    assert auc(np.zeros(3, np.int8), np.zeros(3)) is None


def test_a_candidate_on_a_nodule_that_few_marked_is_left_out_of_the_auc():
    nodules = (Truth((0, 0, 0), 10.0), Truth((50, 0, 0), 10.0, counts=False))
    candidates = rows((0, 0, 4, 1), (50, 0, 0, 1), (90, 0, 0, 1))
    assert labelled(candidates, nodules).tolist() == [1, -1, 0]


def test_found_counts_nodules_once_and_false_positives_by_their_logit():
    nodules = (Truth((0, 0, 0), 10.0), Truth((50, 0, 0), 3.0))
    candidates = rows((0, 0, 4, 1), (0, 1, 0, 2), (53, 0, 0, -1), (90, 0, 0, 0.5))
    found = found_of(candidates, nodules)
    assert (found.nodules, found.found, found.false, found.likely_false) == (2, 1, 2, 1)
    assert found.sensitivity == 0.5


def test_what_the_first_way_reports_on_a_marked_nodule_is_not_asked_for_twice():
    marked = (Truth((0, 0, 0), 10.0),)
    asked = to_be_found(marked, rows((0, 0, 3, 1), (40, 0, 0, 1)))
    assert [one.center_lps_mm for one in asked] == [(0, 0, 0), (40.0, 0.0, 0.0)]


def test_what_lies_far_from_the_lungs_or_outside_the_volume_is_left_out():
    lungs = np.zeros((20, 20, 20), np.uint8)
    lungs[:3, :3, :3] = 1
    geometry = Geometry.from_axes(
        shape=lungs.shape,
        origin_lps_mm=(0, 0, 0),
        slice_step_mm=(0, 0, 3),
        row_step_mm=(0, 3, 0),
        column_step_mm=(3, 0, 0),
    )
    candidates = rows((20, 20, 20, 0), (55, 20, 20, 0), (-40, 0, 0, 0))
    assert near_lungs(candidates, lungs, geometry)[:, 0].tolist() == [20.0]


def test_dice_is_the_mean_of_both_sides():
    one = np.array([1, 1, 2, 2, 0], np.uint8)
    other = np.array([1, 1, 2, 0, 0], np.uint8)
    assert mean_dice(one, other) == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize(("ratio", "met"), [(10.0, True), (9.9, False)])
def test_a_task_that_is_not_ten_times_as_fast_is_told(ratio, met):
    verdicts = speed({"lungs": ratio, "detection": 40.0}, {"lungs": 2.0, "detection": 2.0})
    assert verdicts[0].met is met
    assert str(verdicts[0]).startswith("met" if met else "NOT MET")


def test_the_mean_over_the_tasks_is_geometric():
    assert geometric_mean([2.0, 8.0]) == pytest.approx(4.0)


@pytest.mark.parametrize(("shipped", "met"), [(0.995, True), (0.9949, False), (1.1, True), (None, None)])
def test_at_most_half_a_point_may_be_lost(shipped, met):
    verdict = lost("sensitivity", 1.0, shipped, "n = 200")
    assert verdict.met is met
    assert "n = 200" in verdict.reached


def test_the_gap_to_the_floor_is_told():
    verdict = peak_share(0.5, 1.0)
    assert verdict.met is False
    assert "gap 0.50 s" in verdict.reached
