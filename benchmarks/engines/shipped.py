"""The three tasks as firstread ships them: its own code, its own precision, where the lungs are."""

from time import perf_counter

import numpy as np

from benchmarks.engines.outcome import Outcome, Stopwatch, Timed, as_rows
from firstread.dicom.volume import Volume
from firstread.engine import Network
from firstread.readers.lung_nodule.candidates import judge
from firstread.readers.lung_nodule.detect import Candidate, detect
from firstread.readers.lung_nodule.lungs import Lungs, segment_lungs

_SECOND_ALONE = {"detector": 0.0, "candidate": 1.0, "bias": 0.0}


class Heard:
    """Hears of progress: when the network began and ended, and how many samples it took."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._shares: set[float] = set()

    def __call__(self, stage: str, share: float) -> None:
        """Take note."""
        self._times.append(perf_counter())
        self._shares.add(share)

    def timed(self, total_s: float, *, samples: int | None = None) -> Timed:
        """Return the times of a task; `samples` where that is known, else one for each share but the first, 0."""
        told = len(self._shares) - 1 if samples is None else samples
        return Timed(total_s, self._times[-1] - self._times[0], told)


def lungs(volume: Volume, network: Network) -> Outcome:
    """Label the lungs on the volume's grid."""
    heard = Heard()
    with Stopwatch() as all_of_it:
        found = segment_lungs(volume, network, progress=heard)
    values = {"labels": found.labels, "coarse": found.coarse, "affine": found.grid.affine}
    return Outcome(values, heard.timed(all_of_it.seconds))


def detection(volume: Volume, given: Lungs, network: Network) -> Outcome:
    """Find candidates in and around the lungs."""
    heard = Heard()
    least_logit = network.operating_point["least_logit"]
    with Stopwatch() as all_of_it:
        candidates = detect(volume, given, network, least_logit=least_logit, progress=heard)
    return Outcome({"candidates": as_rows(candidates)}, heard.timed(all_of_it.seconds))


def removal(volume: Volume, candidates: tuple[Candidate, ...], network: Network) -> Outcome:
    """Score the candidates; the score is the second network's alone."""
    heard = Heard()
    with Stopwatch() as all_of_it:
        judged = judge(volume, candidates, network, weights=_SECOND_ALONE, progress=heard)
    probabilities = np.clip([one.probability for one in judged], 1e-12, 1 - 1e-12)
    logits = np.log(probabilities / (1 - probabilities))
    return Outcome({"logits": logits}, heard.timed(all_of_it.seconds, samples=len(candidates)))
