"""Which candidates are nodules: the second network looks at each one closely."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firstread.dicom.volume import Volume
from firstread.engine import Network
from firstread.progress import Progress, silent
from firstread.readers.lung_nodule.detect import Candidate
from firstread.readers.lung_nodule.grid import reading_grid, resample


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
    progress: Progress = silent,
) -> tuple[Judged, ...]:
    """Give each candidate its probability.

    Args:
        volume: The series.
        candidates: Of the detector.
        network: The candidate network.
        weights: `detector`, `candidate` and `bias`: the logit of the probability is their weighted sum; fitted on
            validation scenes, kept in the package's operating point. `candidate` 0: the network is not run.
        progress: Called with the stage "classify"; may raise Cancelled.
    """
    progress("classify", 0.0)
    if weights["candidate"] == 0:  # e.g. another's detector, to which the candidate network was never fitted
        progress("classify", 1.0)
        return tuple(
            Judged(one, _probability(weights["detector"] * one.logit + weights["bias"])) for one in candidates
        )
    judged = []
    cubes = (cube(volume, candidate.center_lps_mm, network)[None, None] for candidate in candidates)
    answers = network.infer_many(cubes)
    try:
        for done, (candidate, answer) in enumerate(zip(candidates, answers, strict=True), start=1):
            second = float(answer["nodule"].reshape(-1)[0])
            logit = weights["detector"] * candidate.logit + weights["candidate"] * second + weights["bias"]
            judged.append(Judged(candidate, _probability(logit)))
            progress("classify", done / len(candidates))
    finally:
        answers.close()
    progress("classify", 1.0)
    return tuple(judged)


def _probability(logit: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(logit, -30, 30))))
