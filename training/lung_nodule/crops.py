"""Crops of stored scenes, drawn at random, around what the network finds hard more often, and never twice the same.

The crops are as large as what the network sees in use, or nearly: in small ones every deep feature lies beside
the padding, and a network that learned from 48³ alone lost a quarter of its sensitivity on tiles of 128³.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor

from training.lung_nodule.scene_files import KNOWN_READERS, StoredScene, as_hu, stored

ROWS = 24
"""Most nodules of a crop that are told."""
_HARDEST = 2.0
"""Losses count up to this much when hard places are preferred: one wrong mark must not fill the batches."""
FAINT_HU = -420.0
_FAINT_MORE = 2
"""How many more times a faint nodule is a place to crop around: they are rarer than solid ones, and harder to see."""
_CUT_MM = 6.0
"""A nodule whose centre is this near the crop's border is neither asked for nor held against."""

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class CropStore:
    """The scenes of some folders, and how hard each of their places is.

    Attributes:
        count: How many places there are: nodules and empty ones.
    """

    def __init__(self, folders: Sequence[Path], *, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._scenes = [scene for folder in folders for scene in stored(folder)]
        if not self._scenes:
            raise FileNotFoundError(
                f"no scenes in {', '.join(map(str, folders))}: write them with scene_files.py"
            )
        around = [_around(scene) for scene in self._scenes]
        self._places = np.concatenate(around)
        self._owners = np.repeat(np.arange(len(self._scenes)), [len(places) for places in around])
        self._hardness = np.ones(len(self._places))

    @property
    def count(self) -> int:
        """Places to crop around."""
        return len(self._places)

    def batch(self, size: int, *, edge: int) -> tuple[Tensor, Tensor, Floats, npt.NDArray[np.int64]]:
        """Return HU [n, 1, e, e, e], cover [n, 1, e/2, e/2, e/2], nodules [n, `ROWS`, 5], and the places' numbers."""
        chances = 0.5 * max(float(self._hardness.mean()), 1e-3) + self._hardness
        picked = self._rng.choice(self.count, size, p=chances / chances.sum())
        crops = [
            augmented(self._scenes[self._owners[n]], self._places[n], self._rng, edge=edge) for n in picked
        ]
        images, covers, nodules = (np.stack(parts) for parts in zip(*crops, strict=True))
        return torch.from_numpy(images[:, None]), torch.from_numpy(covers[:, None]), nodules, picked

    def learned(self, picked: npt.NDArray[np.int64], losses: npt.NDArray[np.float32]) -> None:
        """Remember how hard the crops around these places were."""
        self._hardness[picked] = 0.5 * self._hardness[picked] + 0.5 * np.minimum(losses, _HARDEST)


def _around(scene: StoredScene) -> Floats:
    """Return the places of a scene to crop around [n, 3], faint nodules again."""
    hu = scene.hu()
    faint = []
    for z, y, x, diameter, readers in scene.nodules.tolist():
        reach = max(int(diameter / 5), 1)
        core = hu[tuple(slice(max(round(c) - reach, 0), round(c) + reach + 1) for c in (z, y, x))]
        if readers >= KNOWN_READERS and core.size and as_hu(core).mean() < FAINT_HU:
            faint.append((z, y, x))
    return np.concatenate([scene.around, np.array(faint * _FAINT_MORE, np.float32).reshape(-1, 3)])


def augmented(
    scene: StoredScene, place: Floats, rng: np.random.Generator, *, edge: int
) -> tuple[Floats, Floats, Floats]:
    """Crop around a place and vary what is seen.

    Args:
        scene: Where from.
        place: (z, y, x); comes to lie anywhere in the crop but at its border.
        rng: Source of every choice.
        edge: Of the crop; voxels, even.

    Returns:
        HU [e, e, e], cover [e/2, e/2, e/2] and nodules [`ROWS`, 5]; rows of diameter 0 pad.
    """
    start = np.rint((place - rng.uniform(0.12, 0.88, 3) * edge) / 2).astype(int) * 2
    start = np.clip(start, 0, np.maximum(np.array(scene.hu().shape) - edge, 0))
    return varied(scene, start, rng, edge=edge)


def varied(
    scene: StoredScene, start: npt.NDArray[np.int64], rng: np.random.Generator, *, edge: int
) -> tuple[Floats, Floats, Floats]:
    """Cut a crop, turn, scale and mirror it about its middle, change the HU.

    Args:
        scene: Where from.
        start: First voxel (z, y, x), even; what lies outside the scene is air.
        rng: Source of every choice.
        edge: Of the crop; voxels, even.

    Returns:
        As `augmented`.
    """
    hu, cover = scene.hu(), scene.cover()
    rows = scene.nodules.copy()
    if rng.random() < 0.4:
        image, inside, rows = _turned(hu, cover, rows, start, rng, edge=edge)
    else:
        image = _box(hu, start, edge).astype(np.float32)
        inside = _box(cover, start // 2, edge // 2).astype(np.float32)
        rows[:, :3] -= start
    for axis in range(3):
        if rng.random() < 0.5:
            image, inside = np.flip(image, axis), np.flip(inside, axis)
            rows[:, axis] = edge - 1 - rows[:, axis]
    if rng.random() < 0.5:
        image, inside = image.swapaxes(1, 2), inside.swapaxes(1, 2)
        rows[:, [1, 2]] = rows[:, [2, 1]]
    image = as_hu(image)
    if rng.random() < 0.3:
        image = image + rng.standard_normal(image.shape, dtype=np.float32) * np.float32(rng.uniform(5, 35))
    image = image * np.float32(rng.uniform(0.97, 1.03)) + np.float32(rng.normal(0, 15))
    return np.ascontiguousarray(image), np.ascontiguousarray(inside), _rows_of(rows, edge)


def _rows_of(rows: Floats, edge: int) -> Floats:
    """Return the rows that touch the crop, padded; those that it cuts count as unknown."""
    centres, radii = rows[:, :3], rows[:, 3:4] / 2
    rows = rows[((centres > -radii - 4) & (centres < edge + radii + 4)).all(1)][:ROWS]
    cut = ((rows[:, :3] < _CUT_MM) | (rows[:, :3] > edge - 1 - _CUT_MM)).any(1)
    rows[cut, 4] = 0
    told = np.zeros((ROWS, 5), np.float32)
    told[: len(rows)] = rows
    return told


def _box(volume: Bytes, start: npt.NDArray[np.int64], edge: int) -> Bytes:
    """Cut a cube; what lies outside the volume is air."""
    lower, upper = np.maximum(start, 0), np.minimum(start + edge, volume.shape)
    part = volume[tuple(slice(int(a), int(b)) for a, b in zip(lower, upper, strict=True))]
    if part.shape == (edge,) * 3:
        return part
    cube = np.zeros((edge,) * 3, np.uint8)
    cube[tuple(slice(int(a - s), int(b - s)) for a, b, s in zip(lower, upper, start, strict=True))] = part
    return cube


def _turned(
    hu: Bytes,
    cover: Bytes,
    rows: Floats,
    start: npt.NDArray[np.int64],
    rng: np.random.Generator,
    *,
    edge: int,
) -> tuple[Floats, Floats, Floats]:
    """Take the crop turned about a random axis and scaled."""
    zoom = float(np.exp(rng.uniform(-0.16, 0.16)))
    matrix = (_rotation(rng, degrees=18) / zoom).astype(np.float64)
    # A cube that holds the turned crop; all in its own voxels from here on.
    half = int(np.ceil((np.abs(matrix).sum(1).max() * edge / 2 + 2) / 2)) * 2
    corner = start + edge // 2 - half
    middle = np.full(3, half - 0.5)
    offset = middle - matrix @ np.full(3, (edge - 1) / 2)
    image = ndimage.affine_transform(
        _box(hu, corner, 2 * half).astype(np.float32), matrix, offset, output_shape=(edge,) * 3, order=1
    )
    # A cell of the cover is two voxels: its centre lies half a voxel after its first.
    shift = (matrix @ np.full(3, 0.5) + offset - 0.5) / 2
    inside = ndimage.affine_transform(
        _box(cover, corner // 2, half).astype(np.float32),
        matrix,
        shift,
        output_shape=(edge // 2,) * 3,
        order=1,
    )
    turned = rows.copy()
    turned[:, :3] = (rows[:, :3] - corner - middle) @ np.linalg.inv(matrix).T + (edge - 1) / 2
    turned[:, 3] *= zoom
    return image.astype(np.float32), (inside > 0.5).astype(np.float32), turned


def _rotation(rng: np.random.Generator, *, degrees: float) -> npt.NDArray[np.float64]:
    """Return a rotation about a random axis by up to so many degrees (Rodrigues' formula)."""
    axis = rng.normal(size=3)
    x, y, z = axis / np.linalg.norm(axis)
    angle = np.deg2rad(rng.uniform(-degrees, degrees))
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
