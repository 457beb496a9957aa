"""The accuracy gate of the lung network's INT8 graph: Dice against the truth on chests with disease added.

Quantisation is calibrated on some of the draws and judged on others.
"""

import pickle
from pathlib import Path

import numpy as np
import numpy.typing as npt
import openvino

from training.lung_nodule.disease import Labels, mass_bodies
from training.lung_nodule.train_lungs import drawn

MOST_DROP = 0.003
"""Of the mean Dice."""
Sample = tuple[npt.NDArray[np.float32], Labels]


def samples(
    chests: list[Path], shapes: Path, patch: tuple[int, int, int], *, count: int, seed: int
) -> list[Sample]:
    """Return chests with disease as the network's input [1, 1, *patch] in HU, with the truth of `patch`."""
    stored = []
    for path in chests:
        with np.load(path, allow_pickle=False) as chest:
            stored.append((chest["hu"].astype(np.float32), chest["lungs"]))
    masses = mass_bodies(pickle.loads(shapes.read_bytes()), held_out=True)
    made = []
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        image, truth, _ = drawn(*stored[number % len(stored)], masses, rng)
        hu, lungs = np.full(patch, -1000, np.float32), np.zeros(patch, np.uint8)
        box = tuple(slice(0, n) for n in image.shape)
        hu[box], lungs[box] = image, truth
        made.append((hu[None, None], lungs))
    return made


def mean_dice(model: openvino.Model, checks: list[Sample]) -> float:
    """Return the mean Dice of right and left lung over samples, in FP32 arithmetic where the graph is not INT8."""
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    values = []
    for hu, truth in checks:
        found = compiled({"hu": hu})["lungs"][0].argmax(0)
        for side in (1, 2):
            size = int((truth == side).sum()) + int((found == side).sum())
            if (truth == side).sum() > 200:
                values.append(2 * int(((truth == side) & (found == side)).sum()) / size)
    return float(np.mean(values))
