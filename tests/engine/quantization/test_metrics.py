import numpy as np
import pytest

from firstread.engine.quantization import METRICS, default_metric
from firstread.engine.quantization.metrics import agreement, auc, dice, labels, refuse_silence
from firstread.errors import UsageError


def one_hot(wanted: np.ndarray, channels: int) -> np.ndarray:
    return np.stack([np.where(wanted == n, 3.0, -3.0) for n in range(channels)])[None]


def test_dice_is_the_mean_over_labels_of_all_voxels():
    truth = np.array([[[0, 1, 1, 2, 2, 2]]])
    found = np.array([[[0, 1, 0, 2, 2, 1]]])
    # Label 1: 2·1 of 2 + 2; label 2: 2·2 of 2 + 3.
    assert dice([one_hot(found, 3)], [truth]) == pytest.approx((0.5 + 0.8) / 2)
    assert dice([one_hot(truth, 3)], [truth]) == 1.0


def test_a_single_channel_is_a_label_where_it_says_more_than_a_half_be_it_logit_or_probability():
    wanted = np.array([[[0, 1, 1]]])
    assert (labels(np.array([[[[-2.0, 0.5, 3.0]]]])[None, 0]) == wanted).all()
    assert (labels(np.array([[[[0.1, 0.6, 0.9]]]])[None, 0]) == wanted).all()


def test_dice_without_any_label_cannot_judge():
    with pytest.raises(UsageError, match="No sample"):
        dice([one_hot(np.zeros((1, 1, 3), int), 2)], [np.zeros((1, 1, 3), int)])


def test_a_network_that_says_nothing_on_any_sample_judges_nothing():
    silent, telling = np.full((1, 1, 2, 2, 2), -5.0), np.full((1, 1, 2, 2, 2), -5.0)
    telling[0, 0, 1, 1, 1] = 2.0
    refuse_silence([silent, telling])
    refuse_silence([np.array([[0.1]])])
    with pytest.raises(UsageError, match="no sample that judges"):
        refuse_silence([silent, silent])


def test_agreement_counts_only_where_fp32_sees_something_in_a_map_and_everywhere_in_a_vector():
    right = np.array([0.0, 0.1, 0.5, 0.9]).reshape(1, 1, 1, 1, 4)
    assert agreement([right], [right]) == 1.0
    moved = right + np.array([0.9, 0.9, 0.1, 0.0])
    assert agreement([moved], [right]) == pytest.approx(0.95)
    assert agreement([np.array([[0.3]])], [np.array([[0.1]])]) == pytest.approx(0.8)
    logits = np.array([[0.0, 5.0]])
    assert agreement([logits + np.array([np.log(3), 0])], [logits]) == pytest.approx(1 - 0.25 / 2)


def test_auc_is_the_chance_that_a_positive_scores_higher_than_a_negative():
    assert auc([np.array([[1.0], [3.0]]), np.array([[2.0], [4.0]])], [[0, 1], [0, 1]]) == 1.0
    assert auc([np.array([1.0, 2.0, 3.0, 4.0])], [[0, 1, 0, 1]]) == pytest.approx(0.75)
    assert auc([np.zeros(4)], [[0, 1, 0, 1]]) == 0.5


@pytest.mark.parametrize(("truth", "words"), [([1, 1], "all of one kind"), ([1, 0, 0], "has 3 values")])
def test_labels_that_cannot_judge_are_refused(truth, words):
    with pytest.raises(UsageError, match=words):
        auc([np.array([0.5, 0.1])], [truth])


def test_every_task_has_a_metric_with_labels_and_without():
    for task in ("segmentation", "detection", "candidate"):
        for with_truth in (True, False):
            metric = METRICS[default_metric(task, with_truth=with_truth)]
            assert task in metric.tasks
            assert with_truth or not metric.needs_truth
