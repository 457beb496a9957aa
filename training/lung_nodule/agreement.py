"""How well two raters agree, and how sure that is: the figures of the attribute scores."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import stats

Array = npt.NDArray[np.float64]
BINS = 10
"""Of the calibration curve."""


def spearman(one: Array, two: Array) -> float:
    """Return the rank correlation; 0 where one does not vary."""
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(two) == 0:
        return 0.0
    return float(np.corrcoef(stats.rankdata(one), stats.rankdata(two))[0, 1])


def weighted_kappa(one: Array, two: Array, *, lowest: int = 1, highest: int = 5) -> float:
    """Return the quadratically weighted kappa of ratings, rounded to whole ones."""
    a, b = (np.clip(np.floor(v + 0.5), lowest, highest) for v in (one, two))
    expected = float(np.mean((a[:, None] - b[None]) ** 2))
    return 1.0 if expected == 0 else 1 - float(np.mean((a - b) ** 2)) / expected


def mean_difference(one: Array, two: Array) -> float:
    """Return the mean absolute difference."""
    return float(np.abs(one - two).mean())


def auc(score: Array, truth: npt.NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve, ties counted half; nan where one class is missing."""
    positives = int(truth.sum())
    if positives in (0, len(truth)):
        return float("nan")
    ranks = stats.rankdata(score)
    wins = ranks[truth].sum() - positives * (positives + 1) / 2
    return float(wins / (positives * (len(truth) - positives)))


def calibration(probability: Array, truth: npt.NDArray[np.bool_]) -> list[tuple[float, float, int]]:
    """Return mean probability, observed share and number in each of ten equal steps of probability."""
    step = np.minimum((probability * BINS).astype(int), BINS - 1)
    return [
        (float(probability[step == k].mean()), float(truth[step == k].mean()), int((step == k).sum()))
        for k in range(BINS)
        if (step == k).any()
    ]


def calibration_error(probability: Array, truth: npt.NDArray[np.bool_]) -> float:
    """Return the expected calibration error over ten equal steps."""
    return sum(n * abs(p - o) for p, o, n in calibration(probability, truth)) / len(truth)


def with_interval(
    figure: Callable[[npt.NDArray[np.int64]], float],
    patients: npt.NDArray[np.str_],
    *,
    rounds: int = 400,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Return a figure and its 95 % interval, from drawing patients anew with all their rows.

    Args:
        figure: The figure of the rows with these numbers.
        patients: The patient of each row.
        rounds: How often patients are drawn.
        seed: Of the drawing.
    """
    rng = np.random.default_rng(seed)
    rows = [np.flatnonzero(patients == patient) for patient in np.unique(patients)]
    drawn = [
        figure(np.concatenate([rows[k] for k in rng.integers(0, len(rows), len(rows))]))
        for _ in range(rounds)
    ]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return figure(np.arange(len(patients))), float(low), float(high)
