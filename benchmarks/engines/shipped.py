"""The three tasks as firstread ships them: its own code, its own precision, where the lungs are."""

import math
from collections.abc import Generator, Iterable, Iterator
from time import perf_counter
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from benchmarks.engines.outcome import Outcome, Stopwatch, Timed, as_rows
from firstread.dicom.volume import Volume
from firstread.engine import Network
from firstread.readers.lung_nodule.candidates import judge
from firstread.readers.lung_nodule.detect import Candidate, detect
from firstread.readers.lung_nodule.lungs import Lungs, segment_lungs


class Heard:
    """Hears of progress: when the network began and ended."""

    def __init__(self) -> None:
        self._times: list[float] = []

    def __call__(self, stage: str, share: float) -> None:
        """Take note."""
        self._times.append(perf_counter())

    def timed(self, total_s: float, network: "Counted") -> Timed:
        """Return the times of a task."""
        return Timed(total_s, self._times[-1] - self._times[0], network.samples)


class Counted:
    """A network that counts what goes through it, in samples of its package's patch: a fitted tile has another size."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._voxels = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def infer_many(
        self, items: Iterable[npt.NDArray[Any]]
    ) -> Generator[dict[str, npt.NDArray[Any]], None, None]:
        """Run the network on items."""

        def counted() -> Iterator[npt.NDArray[Any]]:
            for item in items:
                self._voxels += item.size
                yield item

        return self._network.infer_many(counted())

    @property
    def samples(self) -> float:
        """Return how many patches' worth of voxels were run."""
        return self._voxels / math.prod(self._network.package.manifest.input.patch)


def lungs(volume: Volume, network: Network) -> Outcome:
    """Label the lungs on the volume's grid."""
    heard, counted = Heard(), Counted(network)
    with Stopwatch() as all_of_it:
        found = segment_lungs(volume, cast(Network, counted), progress=heard)
    values = {"labels": found.labels, "coarse": found.coarse, "affine": found.grid.affine}
    return Outcome(values, heard.timed(all_of_it.seconds, counted))


def detection(volume: Volume, given: Lungs, network: Network) -> Outcome:
    """Find candidates in and around the lungs."""
    heard, counted = Heard(), Counted(network)
    least_logit = network.operating_point["least_logit"]
    with Stopwatch() as all_of_it:
        candidates = detect(volume, given, cast(Network, counted), least_logit=least_logit, progress=heard)
    return Outcome({"candidates": as_rows(candidates)}, heard.timed(all_of_it.seconds, counted))


def removal(volume: Volume, candidates: tuple[Candidate, ...], network: Network) -> Outcome:
    """Decide on the candidates, as a read does: those that cannot become a finding are not shown to the network."""
    heard, counted = Heard(), Counted(network)
    point = network.operating_point
    weights = {key: point[key] for key in ("detector", "candidate", "bias")}
    with Stopwatch() as all_of_it:
        judged = judge(
            volume,
            candidates,
            cast(Network, counted),
            weights=weights,
            least=point["threshold"],
            progress=heard,
        )
    probabilities = np.array([one.probability for one in judged])
    return Outcome({"probabilities": probabilities}, heard.timed(all_of_it.seconds, counted))
