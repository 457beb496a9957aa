"""What a way of running gives for a task, and how long its parts took."""

from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
import numpy.typing as npt

from firstread.readers.lung_nodule.detect import Candidate

TASKS = ("lungs", "detection", "removal")
"""Lung segmentation, nodule detection, false-positive removal."""
PACKAGES = {
    "lungs": "lung_nodule_lungs",
    "detection": "lung_nodule_detector",
    "removal": "lung_nodule_candidate",
}


@dataclass(frozen=True)
class Timed:
    """Wall-clock seconds of one task from the decoded volume to its result, and their parts.

    Attributes:
        total_s: All of it.
        network_s: In windows, the network alone. In tiles and candidates, from before the first sample to after the
            last, so that cutting them counts; where the next is cut while the network runs, they cannot be told apart.
        samples: Windows, tiles or candidates that went through the network; tiles of other sizes than the package's
            patch by their voxels.
    """

    total_s: float
    network_s: float
    samples: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """The result of one task.

    Attributes:
        values: By name. Lungs: `labels` on the volume's grid (and `coarse` with `affine`, the network's grid);
            detection: `candidates` [n, 5] of x, y, z, diameter (mm) and logit; removal: `probabilities`
            [n] of both networks together.
        timed: How long it took.
        notes: What else is worth telling, e.g. which variant ran.
    """

    values: dict[str, npt.NDArray[np.generic]]
    timed: Timed
    notes: dict[str, str] = field(default_factory=dict)


class Stopwatch:
    """Adds up the time that passes inside `with` blocks."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._start = 0.0

    def __enter__(self) -> "Stopwatch":
        self._start = perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds += perf_counter() - self._start


def as_rows(candidates: tuple[Candidate, ...]) -> npt.NDArray[np.float64]:
    """Return candidates as [n, 5]: x, y, z, diameter (mm), logit."""
    rows = [(*one.center_lps_mm, one.diameter_mm, one.logit) for one in candidates]
    return np.array(rows, float).reshape(-1, 5)


def as_candidates(rows: npt.NDArray[np.float64]) -> tuple[Candidate, ...]:
    """Return what `as_rows` was given."""
    return tuple(Candidate((x, y, z), diameter, logit) for x, y, z, diameter, logit in rows.tolist())
