"""The samples that a network is quantised with, and those that it is judged by."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from firstread.engine.packages import ModelPackage
from firstread.errors import UsageError

Array = npt.NDArray[Any]

LEAST = 4
"""Samples: two to quantise with, two to judge by."""

TRUTH = "truth"


@dataclass(frozen=True, eq=False)
class Sample:
    """One tile.

    Attributes:
        file: Where it came from.
        hu: float32 [1, 1, z, y, x].
        truth: What is right, in the shape that the metric takes; None where the file has none.
    """

    file: Path
    hu: npt.NDArray[np.float32]
    truth: Array | None


@dataclass(frozen=True, eq=False)
class Samples:
    """All samples of a folder, split so that nothing is judged by what it was made with.

    Attributes:
        calibration: Every other sample, to quantise with.
        checks: The others, to judge by.
    """

    calibration: tuple[Sample, ...]
    checks: tuple[Sample, ...]

    @property
    def with_truth(self) -> bool:
        """Tell whether every sample that judges has labels."""
        return all(sample.truth is not None for sample in self.checks)


def read_samples(folder: Path, package: ModelPackage) -> Samples:
    """Read a folder of npz files: the input under the input's name or `input`, labels under `truth`.

    Raises:
        UsageError: there are too few, or one is not what the package takes; the message names the file.
    """
    files = sorted(folder.glob("*.npz")) if folder.is_dir() else []
    if len(files) < LEAST:
        raise UsageError(
            f"{folder} holds {len(files)} npz files; at least {LEAST} are needed.",
            remedy="Write tiles with numpy.savez(FILE, input=hu, truth=labels); docs/how-to/models.md has the shapes.",
        )
    samples = [_sample(path, package) for path in files]
    labelled = sum(sample.truth is not None for sample in samples)
    if 0 < labelled < len(samples):
        missing = next(sample.file for sample in samples if sample.truth is None)
        raise UsageError(
            f"{missing} has no `{TRUTH}`, and {labelled} other files have it.",
            remedy="Label all of them, or none: then the FP32 network is taken for right.",
        )
    return Samples(calibration=tuple(samples[0::2]), checks=tuple(samples[1::2]))


def _sample(path: Path, package: ModelPackage) -> Sample:
    spec = package.manifest.input
    try:
        # numpy leaves a damaged file open that it opened itself.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            names = [name for name in (spec.name, "input") if name in stored]
            found = stored[names[0]] if names else None
            truth = stored.get(TRUTH)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"{path} cannot be read: {error}.",
            remedy="Write it again with numpy.savez, without Python objects.",
        ) from None
    if found is None:
        raise UsageError(
            f"{path} holds neither `{spec.name}` nor `input`.", remedy="Name the tile's array so."
        )
    shape = (1, 1, *spec.patch)
    if found.size != np.prod(shape) or found.shape != shape[-found.ndim :] or found.ndim < 3:
        raise UsageError(
            f"{path}: the tile has shape {list(found.shape)}, not {list(spec.patch)}.",
            remedy="Cut tiles of the package's patch (z, y, x) out of volumes on its spacing.",
        )
    if not np.issubdtype(found.dtype, np.number) or not np.isfinite(found).all():
        raise UsageError(f"{path}: the tile holds values that are not numbers.", remedy="Write HU.")
    return Sample(file=path, hu=found.reshape(shape).astype(np.float32), truth=truth)
