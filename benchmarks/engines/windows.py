"""The three tasks as they are written with MONAI: sliding windows over the whole volume, one candidate after the other.

Everything but the network is the same for each engine, and the rest is firstread's own code where it has to agree:
resampling to the network's voxels, the largest parts of the lungs with their holes filled and brought to the volume's
grid, maxima of the heat map.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
import torch
from monai.inferers import sliding_window_inference
from torch import Tensor
from torch.nn import functional as F

from benchmarks.engines.outcome import Outcome, Stopwatch, Timed, as_rows
from firstread.dicom.geometry import Geometry
from firstread.dicom.volume import Volume
from firstread.engine import ModelPackage
from firstread.engine.tiling import AIR_HU
from firstread.readers.lung_nodule.candidates import cube
from firstread.readers.lung_nodule.detect import STRIDE, Candidate, peaks
from firstread.readers.lung_nodule.grid import extent_lps_mm, reading_grid, resample
from firstread.readers.lung_nodule.lungs import cleaned, on_volume

OVERLAP = 0.25
"""MONAI's default."""


class Predictor(Protocol):
    """A network of some engine.

    Attributes:
        package: Whose weights it has.
        at_once: How many samples it takes together.
    """

    package: ModelPackage
    at_once: int

    def __call__(self, hu: Tensor) -> dict[str, Tensor]:
        """Run samples [n, 1, z, y, x] in HU, n up to `at_once`; outputs are [n, …]."""

    def each(self, cut: Iterable[Callable[[], Tensor]]) -> list[dict[str, Tensor]]:
        """Run samples that are still to be cut, [1, 1, z, y, x] each, in their order."""


class Counted:
    """A predictor with a stopwatch around it."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self.watch = Stopwatch()
        self.samples = 0

    def __call__(self, hu: Tensor) -> dict[str, Tensor]:
        """Run samples."""
        self.samples += hu.shape[0]
        with self.watch:
            return self._predictor(hu)


def lungs(volume: Volume, predictor: Predictor) -> Outcome:
    """Label the lungs on the volume's grid."""
    network = Counted(predictor)
    with Stopwatch() as all_of_it:
        grid, hu = _on_grid(volume, predictor, smooth=True)
        logits = _windows(hu, predictor, network, stride=1)["lungs"]
        coarse = cleaned(logits[0].argmax(0).numpy().astype(np.uint8))
        labels = on_volume(coarse, grid, volume.geometry)
    timed = Timed(all_of_it.seconds, network.watch.seconds, network.samples)
    return Outcome({"labels": labels, "coarse": coarse, "affine": grid.affine}, timed)


def detection(volume: Volume, predictor: Predictor, *, least_logit: float) -> Outcome:
    """Find candidates anywhere in the volume."""
    network = Counted(predictor)
    with Stopwatch() as all_of_it:
        grid, hu = _on_grid(volume, predictor)
        found = _windows(hu, predictor, network, stride=STRIDE)
        maps = {name: values[0].numpy() for name, values in found.items()}
        candidates = peaks(maps, grid, np.ones(grid.shape, bool), least_logit=least_logit)
    timed = Timed(all_of_it.seconds, network.watch.seconds, network.samples)
    return Outcome({"candidates": as_rows(candidates)}, timed)


def removal(volume: Volume, candidates: tuple[Candidate, ...], predictor: Predictor) -> Outcome:
    """Decide on the candidates, all of which the network is shown."""

    def cut(candidate: Candidate) -> Tensor:
        # `cube` asks a network for nothing but its package.
        return torch.from_numpy(cube(volume, candidate.center_lps_mm, predictor)[None, None])

    with Stopwatch() as all_of_it:
        answers = predictor.each([lambda one=one: cut(one) for one in candidates])
        second = np.array([float(answer["nodule"].reshape(-1)[0]) for answer in answers])
    point = predictor.package.operating_point("f32")
    first = np.array([candidate.logit for candidate in candidates])
    joined = point["detector"] * first + point["candidate"] * second + point["bias"]
    timed = Timed(all_of_it.seconds, all_of_it.seconds, len(candidates))
    return Outcome({"probabilities": 1 / (1 + np.exp(-joined))}, timed)


def _on_grid(volume: Volume, predictor: Predictor, *, smooth: bool = False) -> tuple[Geometry, Tensor]:
    """Return the whole volume on the network's voxels, [1, 1, z, y, x], with its grid."""
    spacing_mm = predictor.package.manifest.input.spacing_mm[0]
    grid = reading_grid(*extent_lps_mm(volume.geometry), spacing_mm=spacing_mm)
    hu = resample(volume, grid, smooth=smooth)
    return grid, torch.from_numpy(hu.astype(np.float32))[None, None]


def _windows(hu: Tensor, predictor: Predictor, network: Counted, *, stride: int) -> dict[str, Tensor]:
    """Slide over a volume; padded with air to a whole window, and to whole cells of the outputs."""
    roi = predictor.package.manifest.input.patch
    size = hu.shape[2:]
    wanted = [max(edge, -(-n // stride) * stride) for n, edge in zip(size, roi, strict=True)]
    pad = [amount for n, w in zip(size[::-1], wanted[::-1], strict=True) for amount in (0, w - n)]
    with torch.inference_mode():
        found = sliding_window_inference(
            F.pad(hu, pad, value=AIR_HU), roi, predictor.at_once, network, overlap=OVERLAP
        )
    z, y, x = (-(-n // stride) for n in size)
    return {name: values[:, :, :z, :y, :x] for name, values in found.items()}
