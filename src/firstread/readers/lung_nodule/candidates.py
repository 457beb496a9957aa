"""Which candidates are nodules: the second network looks at each one closely."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firstread.dicom.volume import Volume
from firstread.engine import Network
from firstread.progress import Progress, silent
from firstread.readers.lung_nodule.detect import Candidate
from firstread.readers.lung_nodule.grid import reading_grid, resample

GREATEST_LOGIT = 8.0
"""The candidate network's logit counts up to this, of either sign (a probability of 0.9997): so it is known beforehand
what it can change."""


@dataclass(frozen=True)
class Judged:
    """A candidate with the probability that it is a nodule, from both networks together."""

    candidate: Candidate
    probability: float


def cube(
    volume: Volume, center_lps_mm: tuple[float, float, float], network: Network
) -> npt.NDArray[np.float32]:
    """Return what the network sees of a candidate: HU [z, y, x] on its own spacing, the centre in the middle."""
    given = network.package.manifest.input
    half = (np.asarray(given.patch[::-1]) - 1) / 2 * given.spacing_mm[0]
    centre = np.asarray(center_lps_mm)
    grid = reading_grid(centre - half, centre + half - 1e-6, spacing_mm=given.spacing_mm[0])
    return resample(volume, grid).astype(np.float32)


def judge(
    volume: Volume,
    candidates: Sequence[Candidate],
    network: Network,
    *,
    weights: Mapping[str, float],
    least: float = 0.0,
    progress: Progress = silent,
) -> tuple[Judged, ...]:
    """Give each candidate its probability.

    Args:
        volume: The series.
        candidates: Of the detector.
        network: The candidate network.
        weights: `detector`, `candidate` and `bias`: the logit of the probability is their weighted sum; fitted on
            validation scenes, kept in the package's operating point. `candidate` 0: the network is not run.
        least: The probability that matters. A candidate that the network cannot bring so far is not shown to it, and
            gets the probability of one on which the network is undecided, which is below.
        progress: Called with the stage "classify"; may raise Cancelled.
    """
    progress("classify", 0.0)
    logits = [weights["detector"] * candidate.logit + weights["bias"] for candidate in candidates]
    most = abs(weights["candidate"]) * GREATEST_LOGIT
    # Weight 0, e.g. another's detector, to which the candidate network was never fitted: nothing to ask it.
    open_ones = [n for n, logit in enumerate(logits) if most and _probability(logit + most) >= least]
    cubes = (cube(volume, candidates[n].center_lps_mm, network)[None, None] for n in open_ones)
    if open_ones:
        with closing(network.infer_many(cubes)) as answers:
            for done, (n, answer) in enumerate(zip(open_ones, answers, strict=True), start=1):
                second = float(answer["nodule"].reshape(-1)[0])
                logits[n] += weights["candidate"] * min(max(second, -GREATEST_LOGIT), GREATEST_LOGIT)
                progress("classify", done / len(open_ones))
    progress("classify", 1.0)
    return tuple(
        Judged(candidate, _probability(logit)) for candidate, logit in zip(candidates, logits, strict=True)
    )


def _probability(logit: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(logit, -30, 30))))
