"""The scores of detector and candidate network, put on one scale and joined; what `score.py` wrote becomes FROC scans.

Two networks trained alike differ in how high they score. Scores count in the median and spread of what a pair of
networks says of nodules in chests that it knows (`Scale`): on that scale weights and thresholds carry over to others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from firstread.evaluation.froc import Scored, ScoredScan, Truth, froc, match
from training.lung_nodule.scenes import POINTED_AT

Floats = npt.NDArray[np.float64]
Chest = dict[str, Any]
LEAST_RADIUS_MM = 2.5
"""A candidate this near a centre hits however small the nodule: the tolerance of a read's own outline."""
AS_ACQUIRED, REAL = "as acquired", "real"


def proposals(chests: Sequence[Chest]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return both logits [n, 2] of the candidates that are known to be right or wrong, and which are right [n]."""
    logits, right = [], []
    for chest in chests:
        rows = np.asarray(chest["candidates"], float).reshape(-1, 5)
        centres = np.array([n["center_lps_mm"] for n in chest["nodules"]], float).reshape(-1, 3)
        radii = np.array([reach(n) for n in chest["nodules"]])
        counts = np.array([n["counts"] for n in chest["nodules"]], bool)
        hits = np.linalg.norm(rows[:, None, :3] - centres[None], axis=-1) <= radii
        hit, ignored = (hits & counts).any(1), (hits & ~counts).any(1)
        known = hit | ~ignored
        logits.append(rows[known, 3:])
        right.append(hit[known])
    return np.concatenate(logits), np.concatenate(right)


def fitted(chests: Sequence[Chest]) -> Floats:
    """Fit weights of detector, candidate network and bias by logistic regression with a little ridge (Newton)."""
    logits, right = proposals(chests)
    x, y = np.column_stack([logits, np.ones(len(logits))]), right.astype(float)
    weights = np.zeros(3)
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        gradient = x.T @ (p - y) + 1e-2 * weights
        curve = (x * (p * (1 - p))[:, None]).T @ x + 1e-2 * np.eye(3)
        weights -= np.linalg.solve(curve, gradient)
    return weights


@dataclass(frozen=True)
class Scale:
    """How high the two networks of a fold score nodules: median and width of the middle half, of each score [2]."""

    middle: Floats
    spread: Floats

    def shown(self, weights: Floats) -> Floats:
        """Return weights for raw scores that do what `weights` do for scores on this scale."""
        raw = weights[:2] / self.spread
        return np.append(raw, weights[2] - raw @ self.middle)


RAW = Scale(np.zeros(2), np.ones(2))


def scale_of(chests: Sequence[Chest]) -> Scale:
    """Measure the scale on the best candidate of every nodule that counts."""
    best = []
    for chest in of(chests, AS_ACQUIRED):
        rows = np.asarray(chest["candidates"], float).reshape(-1, 5)
        for nodule in chest["nodules"]:
            away = np.linalg.norm(rows[:, :3] - nodule["center_lps_mm"], axis=1)
            near = rows[away <= reach(nodule)]
            if nodule["counts"] and len(near):
                best.append(near[near[:, 3].argmax(), 3:])
    low, middle, high = np.percentile(np.array(best), (25, 50, 75), axis=0)
    return Scale(middle, np.maximum(high - low, 1e-3))


def on_scale(chests: Sequence[Chest], scale: Scale) -> list[Chest]:
    """Return the chests with the scores on a scale."""
    told = []
    for chest in chests:
        rows = np.asarray(chest["candidates"], float).reshape(-1, 5).copy()
        rows[:, 3:] = (rows[:, 3:] - scale.middle) / scale.spread
        told.append(chest | {"candidates": rows})
    return told


def reach(nodule: dict[str, Any]) -> float:
    """Return how far from a nodule's centre a candidate hits it; mm."""
    return float(max(nodule["long_mm"] / 2, LEAST_RADIUS_MM))


def outlined(chests: Sequence[Chest]) -> list[Chest]:
    """Return the chests without the places that readers only pointed at: what is found there counts as false then."""
    return [
        chest | {"nodules": [n for n in chest["nodules"] if n["labels"].get("site") != POINTED_AT]}
        for chest in chests
    ]


def scans(chests: Sequence[Chest], weights: Floats | None) -> list[ScoredScan]:
    """Return the chests with joint probabilities; with None, with the detector's own scores."""
    told = []
    for chest in chests:
        rows = np.asarray(chest["candidates"], float).reshape(-1, 5)
        if weights is None:
            scores = rows[:, 3]
        else:
            logit = np.column_stack([rows[:, 3:], np.ones(len(rows))]) @ weights
            scores = 1 / (1 + np.exp(-np.clip(logit, -30, 30)))
        told.append(
            ScoredScan(
                name=f"{chest['name']} {chest['protocol']}",
                candidates=[
                    Scored((float(x), float(y), float(z)), float(s))
                    for (x, y, z), s in zip(rows[:, :3], scores, strict=True)
                ],
                nodules=[
                    Truth(tuple(n["center_lps_mm"]), n["long_mm"], n["counts"], n["labels"])
                    for n in chest["nodules"]
                ],
                patient=chest["patient"],
            )
        )
    return told


def of(chests: Sequence[Chest], *protocols: str) -> list[Chest]:
    """Return the chests of the given protocols."""
    return [chest for chest in chests if chest["protocol"] in protocols]


def threshold_at(told: Sequence[ScoredScan], rate: float) -> float:
    """Return the score above which these scans have so many false positives on average."""
    measured = froc(told, least_radius_mm=LEAST_RADIUS_MM, rates=(rate,), count=2)
    lowest = measured.rates[0].threshold
    return 1.0 if lowest is None else lowest


def false_positives(told: Sequence[ScoredScan], threshold: float) -> float:
    """Return the mean number of false positives a scan at a threshold."""
    measured = froc(told, threshold=threshold, least_radius_mm=LEAST_RADIUS_MM, rates=(1.0,), count=2)
    assert measured.at_threshold
    return measured.at_threshold.false_positives_a_scan.value or 0.0


def by_rate(told: Sequence[ScoredScan]) -> list[ScoredScan]:
    """Return one network's scans with scores that say how seldom it is wrong so surely: minus false positives a scan.

    Scans of several networks together then give at every rate what each finds at its own threshold for that rate, as
    ROC curves of a cross-validation are averaged at equal false positive rates (Fawcett, Pattern Recognit. Lett. 2006).
    """
    wrong = [one for scan in told for one in match(scan, least_radius_mm=LEAST_RADIUS_MM).false_positives]
    wrong_from_below = np.sort(wrong)

    def rarity(score: float) -> float:
        return -float(len(wrong) - np.searchsorted(wrong_from_below, score)) / len(told)

    return [
        replace(scan, candidates=[replace(c, score=rarity(c.score)) for c in scan.candidates])
        for scan in told
    ]
