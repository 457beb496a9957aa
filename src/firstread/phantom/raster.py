"""How much of each voxel a tube fills."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firstread.phantom.trees import Tubes

_VOXELS_AT_ONCE = 1_500_000


@dataclass(frozen=True)
class SectionGrid:
    """The grid of the thin sections that slices are made of.

    Attributes:
        origin: Body (z, y, x) of the first voxel's centre; mm.
        spacing: Voxel steps along (z, y, x); mm.
        shape: Voxels along (section, row, column).
    """

    origin: tuple[float, float, float]
    spacing: tuple[float, float, float]
    shape: tuple[int, int, int]


def draw_tubes(
    coverage: npt.NDArray[np.uint8],
    tubes: Tubes,
    *,
    origin: tuple[float, float, float],
    spacing: tuple[float, float, float],
) -> None:
    """Raise `coverage` (slice, row, column; 255 is full) to what the tubes fill of each voxel.

    Tubes of like size are drawn together, each in its own small box. A tube thinner than a voxel fills
    the share of the voxel that its cross-section has, so that faint vessels stay faint.

    Args:
        coverage: Changed in place.
        tubes: What to draw.
        origin: Body (z, y, x) of the first voxel's centre; mm.
        spacing: Voxel steps along (z, y, x); mm.
    """
    step = np.asarray(spacing)
    start = tubes.start[:, ::-1] - np.asarray(origin)
    end = tubes.end[:, ::-1] - np.asarray(origin)
    margin = np.maximum(tubes.start_radius, tubes.end_radius)[:, None] + 0.6 * step
    low = np.ceil((np.minimum(start, end) - margin) / step).astype(np.int64)
    high = np.floor((np.maximum(start, end) + margin) / step).astype(np.int64) + 1
    size = -(-(high - low) // 2) * 2
    seen = ((high > 0) & (low < coverage.shape) & (size > 0)).all(axis=1)
    shape = np.asarray(coverage.shape)
    flat = coverage.reshape(-1)
    sizes, member = np.unique(size[seen], axis=0, return_inverse=True)
    member = member.reshape(-1)
    order = np.argsort(member, kind="stable")
    bounds = np.searchsorted(member[order], np.arange(len(sizes) + 1))
    which = np.flatnonzero(seen)[order]
    for box, first, last in zip(sizes, bounds[:-1], bounds[1:], strict=True):
        chunk = max(1, _VOXELS_AT_ONCE // int(box.prod()))
        for at in range(first, last, chunk):
            chosen = which[at : min(at + chunk, last)]
            index, filled = _fill(start[chosen], end[chosen], low[chosen], box, step, tubes, chosen, shape)
            np.maximum.at(flat, index, filled)


def _fill(
    start: npt.NDArray[np.float64],
    end: npt.NDArray[np.float64],
    low: npt.NDArray[np.int64],
    box: npt.NDArray[np.int64],
    step: npt.NDArray[np.float64],
    tubes: Tubes,
    chosen: npt.NDArray[np.int64],
    shape: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Return flat voxel indices and how full (0 to 255) each is, for tubes with boxes of one size."""
    places = ((-1, int(box[0]), 1, 1), (-1, 1, int(box[1]), 1), (-1, 1, 1, int(box[2])))
    offset, along, voxel, inside = [], [], [], []
    for axis in range(3):
        index = low[:, axis, None] + np.arange(box[axis])
        offset.append((index * step[axis] - start[:, axis, None]).astype(np.float32).reshape(places[axis]))
        along.append((end - start)[:, axis].astype(np.float32).reshape(-1, 1, 1, 1))
        voxel.append(index.reshape(places[axis]))
        inside.append(((index >= 0) & (index < shape[axis])).reshape(places[axis]))
    length2 = np.maximum(along[0] ** 2 + along[1] ** 2 + along[2] ** 2, np.float32(1e-6))
    share = np.clip((offset[0] * along[0] + offset[1] * along[1] + offset[2] * along[2]) / length2, 0, 1)
    square = np.zeros_like(share)
    weighed = np.zeros_like(share)
    for axis in range(3):
        apart = (offset[axis] - share * along[axis]) ** 2
        square += apart
        weighed += apart * np.float32(step[axis] ** 2)
    # Edge of the voxel as seen along the line from the tube's axis.
    edge = np.sqrt((weighed + np.float32(1e-4 * step.min() ** 2)) / (square + np.float32(1e-4)))
    r0 = tubes.start_radius[chosen].astype(np.float32).reshape(-1, 1, 1, 1)
    r1 = tubes.end_radius[chosen].astype(np.float32).reshape(-1, 1, 1, 1)
    radius = r0 + share * (r1 - r0)
    filled = np.clip((radius - np.sqrt(square)) / edge + np.float32(0.5), 0, 1)
    filled *= np.minimum(2 * radius / edge, 1)
    keep = (filled > 0.004) & inside[0] & inside[1] & inside[2]
    index = (voxel[0] * shape[1] + voxel[1]) * shape[2] + voxel[2]
    return index[keep], np.rint(filled[keep] * 255).astype(np.uint8)
