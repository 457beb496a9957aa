"""Patches in memory, drawn at random, those that the network finds hard more often, and never twice the same.

A batch is one of small crops (48³) or, every fourth time, of whole patches (64³), which show large lesions whole.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor

from training.lung_nodule.patches import EDGE, HIGH_HU, LOW_HU

CROP = 48
_HARDEST = 3.0
"""Losses count up to this much when hard patches are preferred: one wrong mark must not fill the batches."""

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class PatchStore:
    """All patches of some folders, uint8 in memory.

    Attributes:
        count: How many there are.
    """

    def __init__(self, folders: Sequence[Path], *, seed: int) -> None:
        self._folders = list(folders)
        self._rng = np.random.default_rng(seed)
        self._scenes: list[dict[str, npt.NDArray[np.generic]]] = []
        self._names: set[Path] = set()
        self._index = np.zeros((0, 2), np.int64)
        self._hardness = np.zeros(0)
        self.refresh()

    @property
    def count(self) -> int:
        """Patches in memory."""
        return len(self._index)

    def refresh(self) -> None:
        """Load scenes that were written since."""
        for path in sorted(path for folder in self._folders for path in folder.glob("scene-*.npz")):
            if path.name.endswith(".tmp.npz") or path in self._names:
                continue
            with np.load(path, allow_pickle=False) as stored:
                self._scenes.append({key: stored[key] for key in ("hu", "cover", "nodules")})
            self._names.add(path)
            count = len(self._scenes[-1]["hu"])
            pairs = np.column_stack([np.full(count, len(self._scenes) - 1), np.arange(count)])
            self._index = np.concatenate([self._index, pairs])
            self._hardness = np.concatenate([self._hardness, np.full(count, 1.0)])

    def batch(self, size: int, *, edge: int = CROP) -> tuple[Tensor, Tensor, Floats, npt.NDArray[np.int64]]:
        """Return HU [n, 1, e, e, e], cover [n, 1, e/2, e/2, e/2], nodules [n, 6, 5], and the patches' numbers."""
        chances = 0.35 * max(float(self._hardness.mean()), 1e-3) + self._hardness
        picked = self._rng.choice(self.count, size, p=chances / chances.sum())
        images, covers, nodules = [], [], []
        for scene_number, number in self._index[picked]:
            scene = self._scenes[scene_number]
            image, cover, rows = augmented(
                scene["hu"][number], scene["cover"][number], scene["nodules"][number], self._rng, edge=edge
            )
            images.append(image)
            covers.append(cover)
            nodules.append(rows)
        return (
            torch.from_numpy(np.stack(images)[:, None]),
            torch.from_numpy(np.stack(covers)[:, None]),
            np.stack(nodules),
            picked,
        )

    def learned(self, picked: npt.NDArray[np.int64], losses: npt.NDArray[np.float32]) -> None:
        """Remember how hard the patches of a batch were."""
        self._hardness[picked] = 0.5 * self._hardness[picked] + 0.5 * np.minimum(losses, _HARDEST)


def augmented(
    hu: npt.NDArray[np.generic],
    cover: npt.NDArray[np.generic],
    nodules: npt.NDArray[np.generic],
    rng: np.random.Generator,
    *,
    edge: int,
) -> tuple[Floats, Floats, Floats]:
    """Crop, turn, scale and mirror a patch, change its HU; return HU, cover at half resolution, and nodules."""
    rows = np.array(nodules, np.float32)
    start = _start(rows, rng, edge=edge)
    if rng.random() < 0.4:
        image, cover, rows = _turned(hu, cover, rows, start, rng, edge=edge)
    else:
        box = tuple(slice(s, s + edge) for s in start)
        half = tuple(slice(s // 2, (s + edge) // 2) for s in start)
        image, cover = hu[box].astype(np.float32), cover[half].astype(np.float32)
        rows[:, :3] -= start
    for axis in range(3):
        if rng.random() < 0.5:
            image, cover = np.flip(image, axis), np.flip(cover, axis)
            rows[:, axis] = edge - 1 - rows[:, axis]
    if rng.random() < 0.5:
        image, cover = image.swapaxes(1, 2), cover.swapaxes(1, 2)
        rows[:, [1, 2]] = rows[:, [2, 1]]
    image = image * np.float32((HIGH_HU - LOW_HU) / 255) + np.float32(LOW_HU)
    if rng.random() < 0.3:
        image = image + rng.standard_normal(image.shape, dtype=np.float32) * np.float32(rng.uniform(5, 35))
    image = image * np.float32(rng.uniform(0.97, 1.03)) + np.float32(rng.normal(0, 15))
    return np.ascontiguousarray(image), np.ascontiguousarray(cover), rows


def _start(rows: Floats, rng: np.random.Generator, *, edge: int) -> npt.NDArray[np.int64]:
    """Choose where the crop starts (even voxels), mostly so that one of the patch's nodules lies in it."""
    free = EDGE - edge
    low, high = np.zeros(3), np.full(3, float(free))
    known = np.flatnonzero(rows[:, 3] > 0)
    if known.size and rng.random() < 0.85:
        place = rows[rng.choice(known), :3]
        low = np.clip(place - (edge - 4), 0, free)
        high = np.maximum(np.clip(place - 3, 0, free), low)
    return np.asarray(np.floor(rng.uniform(low, high + 1e-3) / 2) * 2).astype(np.int64)


def _turned(
    hu: npt.NDArray[np.generic],
    cover: npt.NDArray[np.generic],
    rows: Floats,
    start: npt.NDArray[np.int64],
    rng: np.random.Generator,
    *,
    edge: int,
) -> tuple[Floats, Floats, Floats]:
    """Take the crop turned about a random axis and scaled; what lies outside the patch repeats its border."""
    zoom = float(np.exp(rng.uniform(-0.16, 0.16)))
    matrix = (_rotation(rng, degrees=18) / zoom).astype(np.float64)
    middle = start + (edge - 1) / 2
    offset = middle - matrix @ np.full(3, (edge - 1) / 2)
    image = ndimage.affine_transform(
        hu.astype(np.float32), matrix, offset, output_shape=(edge,) * 3, order=1, mode="nearest"
    )
    # A cell of the cover is two voxels: its centre lies half a voxel after its first.
    half = edge // 2
    shift = (matrix @ np.full(3, 0.5) + offset - 0.5) / 2
    mask = ndimage.affine_transform(
        cover.astype(np.float32), matrix, shift, output_shape=(half,) * 3, order=1, mode="nearest"
    )
    turned = rows.copy()
    turned[:, :3] = (rows[:, :3] - middle) @ np.linalg.inv(matrix).T + (edge - 1) / 2
    turned[:, 3] *= zoom
    return image.astype(np.float32), (mask > 0.5).astype(np.float32), turned


def _rotation(rng: np.random.Generator, *, degrees: float) -> npt.NDArray[np.float64]:
    """Return a rotation about a random axis by up to so many degrees (Rodrigues' formula)."""
    axis = rng.normal(size=3)
    x, y, z = axis / np.linalg.norm(axis)
    angle = np.deg2rad(rng.uniform(-degrees, degrees))
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
