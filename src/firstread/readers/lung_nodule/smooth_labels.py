"""Labels of a coarse grid on the volume's own, with a smooth border.

Most of the time is not arithmetic but memory that is touched for the first time: where there is no lung nothing is
written, and what is worked with is small and used again.
"""

import math
import mmap
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from firstread.cores import share_out
from firstread.dicom.geometry import Geometry
from firstread.readers.lung_nodule.grid import index_map, is_aligned

_FULL, _HALF = 200, 100
"""Inside of a lung, far from its border; at its border."""
_SIGMA, _REACH = 0.6, 3
"""The border's standard deviation and how far it reaches, in coarse voxels."""
_SLAB = 32
"""Slices of the volume that are labelled at a time."""
_TOGETHER = 4
"""Slices that are interpolated as OpenCV's channels: that takes hardly longer than one."""

Labels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Part:
    """A label's place.

    Attributes:
        label: From 1.
        soft: uint8 on the coarse grid: `_FULL` inside, `_HALF` at the border.
        box: Where on the target it can be: most of a volume is not lung.
    """

    label: int
    soft: Labels
    box: tuple[slice, slice, slice]


def on_volume(coarse: Labels, grid: Geometry, target: Geometry) -> Labels:
    """Bring labels to the volume's grid with a smooth border.

    Args:
        coarse: 0 none, 1, 2, …; where two reach the same voxel it is the greater one's.
        grid: Theirs.
        target: The volume's.

    Returns:
        uint8 on `target`.
    """
    # Not from NumPy, which asks for huge pages: where memory is scattered the kernel takes longer to find them than all
    # of this takes. Pages that nobody has written to are zero and cost nothing.
    pages = mmap.mmap(-1, math.prod(target.shape), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    labels = np.frombuffer(pages, np.uint8).reshape(target.shape)
    matrix, offset = index_map(target, grid)
    straight = is_aligned(matrix, target)
    parts = [
        _Part(number, _softened(coarse == number, box), _box_around(box, grid, target))
        for number, box in enumerate(ndimage.find_objects(coarse), start=1)
        if box is not None
    ]

    def label(first: int) -> None:
        for part in parts:
            slices, rows, columns = part.box
            slab = slice(max(first, slices.start), min(first + _SLAB, slices.stop)), rows, columns
            if slab[0].start >= slab[0].stop:
                continue
            start = offset + matrix @ [span.start for span in slab]
            if straight:
                _label_straight(labels[slab], part, np.diag(matrix), start, is_first=part is parts[0])
            else:
                _label_turned(labels[slab], part, matrix, start)

    share_out(label, range(0, target.shape[0], _SLAB))
    return labels


def _softened(mask: npt.NDArray[np.bool_], box: tuple[slice, ...]) -> Labels:
    soft = np.zeros(mask.shape, np.uint8)
    wide = tuple(slice(max(0, span.start - _REACH), span.stop + _REACH) for span in box)
    soft[wide] = np.rint(ndimage.gaussian_filter(mask[wide].astype(np.float32) * _FULL, _SIGMA))
    return soft


def _label_straight(labels: Labels, part: _Part, step: Floats, start: Floats, *, is_first: bool) -> None:
    """Label a slab (z, y, x): along z between the coarse slices first, which are small, then in the planes."""
    room = np.empty((2, labels[0].size * _TOGETHER), np.uint8)
    for first in range(0, labels.shape[0], _TOGETHER):
        between = [_between(part.soft, start[0] + step[0] * k) for k in range(first, first + _TOGETHER)]
        seen = np.maximum.reduce(between) >= _HALF
        rows = _span(seen.any(1), step[1], start[1], labels.shape[1])
        columns = _span(seen.any(0), step[2], start[2], labels.shape[2])
        size = columns.stop - columns.start, rows.stop - rows.start
        if min(size) <= 0:
            continue
        warped = room[0, : size[0] * size[1] * _TOGETHER].reshape(size[1], size[0], _TOGETHER)
        planes = room[1, : warped.size].reshape(_TOGETHER, size[1], size[0])
        shift = start[2] + step[2] * columns.start, start[1] + step[1] * rows.start
        cv2.warpAffine(
            cv2.merge(between),
            np.array([[step[2], 0, shift[0]], [0, step[1], shift[1]]]),
            size,
            dst=warped,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(0,) * _TOGETHER,
        )
        cv2.threshold(warped, _HALF - 1, part.label, cv2.THRESH_BINARY, dst=warped)
        cv2.split(warped, list(planes))
        for k, plane in zip(range(first, labels.shape[0]), planes, strict=False):
            here = labels[k, rows, columns]
            if is_first:  # to read what nobody has written touches the same page twice
                here[...] = plane
            else:
                np.maximum(here, plane, out=here)


def _span(seen: npt.NDArray[np.bool_], step: float, start: float, length: int) -> slice:
    """Return the indices of an axis that lie within a coarse voxel of one that is seen, at start + step × index."""
    hit = np.flatnonzero(seen)
    if not hit.size:
        return slice(0, 0)
    ends = sorted(((hit[0] - 1 - start) / step, (hit[-1] + 1 - start) / step))
    return slice(max(math.floor(ends[0]), 0), min(math.ceil(ends[1]) + 1, length))


def _between(soft: Labels, position: float) -> Labels:
    """Return the plane at a position along z, in slices; nothing beyond the half of one."""
    last = soft.shape[0] - 1
    if not -0.5 <= position <= last + 0.5:
        return np.zeros(soft.shape[1:], np.uint8)
    position = min(max(position, 0.0), float(last))
    below = min(int(position), max(last - 1, 0))
    weight = position - below
    return np.asarray(
        cv2.addWeighted(soft[below], 1 - weight, soft[min(below + 1, last)], weight, 0.0), np.uint8
    )


def _label_turned(labels: Labels, part: _Part, matrix: Floats, start: Floats) -> None:
    """Label a slab of a volume whose axes are not the coarse grid's."""
    soft = ndimage.affine_transform(part.soft, matrix, start, output_shape=labels.shape, order=1, cval=0)
    np.maximum(labels, (soft >= _HALF) * np.uint8(part.label), out=labels)


def _box_around(box: tuple[slice, ...], grid: Geometry, target: Geometry) -> tuple[slice, slice, slice]:
    lower = np.array([span.start - _REACH for span in box])
    upper = np.array([span.stop - 1 + _REACH for span in box])
    corners = np.array(np.meshgrid(*zip(lower, upper, strict=True), indexing="ij")).reshape(3, -1).T
    places = target.to_index(grid.to_lps(corners))
    starts = np.clip(np.floor(places.min(0)), 0, np.array(target.shape) - 1).astype(int)
    stops = np.clip(np.ceil(places.max(0)) + 1, starts + 1, target.shape).astype(int)
    z, y, x = (slice(int(a), int(b)) for a, b in zip(starts, stops, strict=True))
    return z, y, x
