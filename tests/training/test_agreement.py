"""Figures of agreement, against values worked out by hand."""

import numpy as np
import pytest

from training.lung_nodule.agreement import (
    auc,
    calibration,
    calibration_error,
    mean_difference,
    spearman,
    weighted_kappa,
    with_interval,
)


def test_ranks_that_agree_and_disagree():
    one = np.array([1.0, 2.0, 3.0, 10.0])
    assert spearman(one, np.exp(one)) == pytest.approx(1.0)
    assert spearman(one, -one) == pytest.approx(-1.0)
    assert spearman(one, np.ones(4)) == 0.0


def test_kappa_is_one_for_the_same_ratings_and_about_nothing_for_chance():
    rng = np.random.default_rng(0)
    ratings = rng.integers(1, 6, 400).astype(float)
    assert weighted_kappa(ratings, ratings) == 1.0
    assert weighted_kappa(ratings, rng.permutation(ratings)) == pytest.approx(0.0, abs=0.12)
    # Two raters, three nodules, one rated a step apart: 1 - (1/3) / (mean squared difference of all nine pairs = 1).
    assert weighted_kappa(np.array([1.0, 2, 3]), np.array([1.0, 2, 2])) == pytest.approx(2 / 3)


def test_area_under_the_curve_counts_ties_half():
    truth = np.array([False, False, True, True])
    assert auc(np.array([0.1, 0.2, 0.8, 0.9]), truth) == 1.0
    assert auc(np.array([0.1, 0.9, 0.1, 0.9]), truth) == 0.5
    assert np.isnan(auc(np.ones(2), np.array([True, True])))


def test_calibration_compares_steps_of_probability_with_shares():
    probability, truth = np.array([0.05, 0.05, 0.95, 0.95]), np.array([False, False, True, False])
    assert calibration(probability, truth) == [(0.05, 0.0, 2), (0.95, 0.5, 2)]
    assert calibration_error(probability, truth) == pytest.approx((2 * 0.05 + 2 * 0.45) / 4)


def test_the_interval_is_wider_when_rows_belong_to_few_patients():
    rng = np.random.default_rng(0)
    shift = np.repeat(rng.normal(size=10), 20)
    values = shift + 0.1 * rng.normal(size=200)
    few = np.repeat(np.arange(10).astype(str), 20)
    many = np.arange(200).astype(str)
    zero = np.zeros(200)

    def width(patients):
        _, low, high = with_interval(lambda k: mean_difference(values[k], zero[k]), patients)
        return high - low

    assert width(few) > 2 * width(many)
