"""From the maps of a RetinaNet to boxes, as MONAI's RetinaNetDetector makes them: anchors, box coder, selection.

Source: monai.apps.detection (AnchorGeneratorWithAnchorShape, BoxCoder, BoxSelector), MONAI 1.6. Boxes and maps lie in
the package's axes (z, y, x); a corner is an index of the grid, in which voxel centres are whole numbers.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firstread.engine import RetinaNet
from firstread.engine.axes import Axes
from firstread.engine.decoding import Level

LONGEST_STEP = math.log(1000 / 16)
"""No edge grows by more than its exponential (torchvision's and MONAI's bbox_xform_clip)."""
LEAST_EDGE = 1.0
"""Voxels: a box that is thinner after it was cut at the volume's border is empty (MONAI's remove_empty)."""

Floats = npt.NDArray[np.float64]
Maps = Mapping[str, npt.NDArray[np.float32]]
Triple = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes with their scores.

    Attributes:
        lower: [n, 3] first corners (z, y, x), in voxels.
        upper: [n, 3] opposite corners.
        logits: [n] scores before the sigmoid.
    """

    lower: Floats
    upper: Floats
    logits: Floats

    def __len__(self) -> int:
        return len(self.logits)

    def __getitem__(self, which: npt.NDArray[Any]) -> "Boxes":
        return Boxes(self.lower[which], self.upper[which], self.logits[which])

    @property
    def centres(self) -> Floats:
        """Return the middles, [n, 3]."""
        return (self.lower + self.upper) / 2


def boxes_of(maps: Maps, decoding: RetinaNet, strides: Mapping[str, Triple], shape: Triple) -> Boxes:
    """Return the boxes of a volume, likeliest first.

    Args:
        maps: By output, [channels, z, y, x] on the whole volume.
        decoding: What the package says of them.
        strides: Of the outputs, voxels along z, y, x.
        shape: Of the volume, in voxels: boxes are cut at its border.
    """
    axes = Axes.named(decoding.axes)
    parts = [
        _within(
            _of_level(maps, level, decoding, strides=strides[level.classification], axes=axes), shape, axes
        )
        for level in decoding.levels
    ]
    found = Boxes(
        lower=np.concatenate([part.lower for part in parts]),
        upper=np.concatenate([part.upper for part in parts]),
        logits=np.concatenate([part.logits for part in parts]),
    )
    return suppressed(found, overlap=decoding.nms_overlap, most=decoding.most_boxes)


def _of_level(maps: Maps, level: Level, decoding: RetinaNet, *, strides: Triple, axes: Axes) -> Boxes:
    """Decode the likeliest anchors of one level."""
    logits = maps[level.classification]
    with np.errstate(over="ignore"):  # exp of a large number is infinite, and the score 0
        scores = 1 / (1 + np.exp(-logits.astype(np.float32)))
    likely = np.flatnonzero(scores > decoding.score_threshold)
    order = np.argsort(-scores.reshape(-1)[likely], kind="stable")[: decoding.most_per_level]
    anchor, *cells = np.unravel_index(likely[order], logits.shape)
    offsets = maps[level.regression].reshape(len(decoding.anchors), 6, *logits.shape[1:])
    coded = offsets[anchor, :, cells[0], cells[1], cells[2]].astype(float) / decoding.box_weights
    edges = anchor_edges(decoding, level)[anchor]

    lower, upper = np.empty((2, len(anchor), 3))
    for n, (ours, turned) in enumerate(zip(axes.order, axes.turned, strict=True)):
        centre = anchor_centres(cells[ours], strides[ours], turned=turned)
        centre = centre + (-1 if turned else 1) * coded[:, n] * edges[:, n]
        half = np.exp(np.minimum(coded[:, 3 + n], LONGEST_STEP)) * edges[:, n] / 2
        lower[:, ours], upper[:, ours] = centre - half, centre + half
    return Boxes(lower, upper, logits[anchor, cells[0], cells[1], cells[2]].astype(float))


def anchor_edges(decoding: RetinaNet, level: Level) -> Floats:
    """Return the edges of a level's anchors, [anchors, 3] in the network's order of axes.

    Half an edge is rounded to whole voxels, a half to the even number, as MONAI does it.
    """
    return 2 * np.round(np.asarray(decoding.anchors) * level.scale / 2)


def anchor_centres(cells: npt.NDArray[np.intp], stride: int, *, turned: bool) -> Floats:
    """Return where the anchors of cells lie along one axis: MONAI's i × stride + stride // 2, from its own end."""
    within = stride - 1 - stride // 2 if turned else stride // 2
    return cells.astype(float) * stride + within


def _within(boxes: Boxes, shape: Triple, axes: Axes) -> Boxes:
    """Cut boxes at the volume's border, 0 to its size from the network's end; drop those that are empty then."""
    turned = [axes.turned[axes.order.index(axis)] for axis in range(3)]
    first = np.where(turned, -1.0, 0.0)
    last = first + shape
    lower, upper = np.clip(boxes.lower, first, last), np.clip(boxes.upper, first, last)
    left = np.all(upper - lower >= LEAST_EDGE, axis=1)
    return Boxes(lower, upper, boxes.logits)[np.flatnonzero(left)]


def suppressed(boxes: Boxes, *, overlap: float, most: int) -> Boxes:
    """Return the likeliest boxes, none of which overlaps a likelier one by more than `overlap` (of their union)."""
    ranked = boxes[np.argsort(-boxes.logits, kind="stable")]
    left = np.arange(len(ranked))
    kept: list[int] = []
    while left.size and len(kept) < most:
        first, left = int(left[0]), left[1:]
        kept.append(first)
        left = left[overlaps(ranked[left], ranked[np.array([first])]) <= overlap]
    return ranked[np.array(kept, np.intp)]


def overlaps(boxes: Boxes, one: Boxes) -> Floats:
    """Return the intersection over union of each box with one box (or with its own partner, of as many)."""
    shared = np.clip(np.minimum(boxes.upper, one.upper) - np.maximum(boxes.lower, one.lower), 0, None).prod(1)
    volumes = (boxes.upper - boxes.lower).prod(1) + (one.upper - one.lower).prod(1)
    whole: Floats = shared / (volumes - shared)
    return whole
