"""Tiles whose size fits what is to be seen, for networks that take any size.

Arrays are (z, y, x). A tile of a fixed size sees much that nobody asked for; a convolution does not mind the size, so
here each tile is the box around its part of the volume, and a halo.
"""

import itertools
import math

import numpy as np
import numpy.typing as npt

from firstread.engine.tile import Tile, Triple, down, triple, up

Span = tuple[int, int]
Box = tuple[Span, Span, Span]

_MOST_SLABS = 16


def fit_tiles(
    shape: Triple,
    *,
    halo: int | Triple,
    multiple: Triple,
    most_voxels: int,
    inside: npt.NDArray[np.bool_] | None = None,
) -> tuple[Tile, ...]:
    """Cover a volume, or the part of it that is `inside`, with as few voxels of tiles as can be.

    The volume is cut into slabs along z, each into the boxes that hold its part, where those are too large; of all
    numbers of slabs the one with the least work is taken. The cores do not overlap and cover every voxel of `inside`.
    At the volume's border a tile has no halo: there is nothing beyond.

    Args:
        shape: Of the volume.
        halo: Voxels at a tile's border whose result is not used, where the volume goes on.
        multiple: Starts, cores and sizes of tiles are multiples of this.
        most_voxels: Of one tile; its memory grows with them. A tile is not made smaller than one core of `multiple`.
        inside: Mask of the volume's shape; None: all of it.

    Raises:
        ValueError: the mask has another shape.
    """
    if inside is not None and inside.shape != shape:
        raise ValueError(f"the mask has shape {inside.shape}, the volume {shape}")
    if 0 in shape:
        return ()
    fitter = _Fitter(shape, triple(halo), multiple, most_voxels, inside)
    whole = fitter.tight(tuple((0, up(n, m)) for n, m in zip(shape, multiple, strict=True)))  # type: ignore[arg-type]
    if whole is None:
        return ()
    plans = [fitter.slabs(whole, count) for count in range(1, _MOST_SLABS + 1)]
    return min(plans, key=lambda plan: sum(math.prod(tile.size) for tile in plan))


class _Fitter:
    """One volume, and what its tiles must keep to."""

    def __init__(
        self,
        shape: Triple,
        halo: Triple,
        multiple: Triple,
        most_voxels: int,
        inside: npt.NDArray[np.bool_] | None,
    ) -> None:
        self._shape, self._halo, self._multiple = shape, halo, multiple
        self._most, self._inside = most_voxels, inside

    def slabs(self, box: Box, count: int) -> tuple[Tile, ...]:
        """Return the tiles of a box that is cut into so many slabs along z."""
        (first, last), y, x = box
        step = self._multiple[0]
        cuts = sorted({down(first + (last - first) * n // count, step) for n in range(count)} | {last})
        return tuple(tile for a, b in itertools.pairwise(cuts) for tile in self._tiles(((a, b), y, x)))

    def tight(self, box: Box) -> Box | None:
        """Return the smallest box of multiples around what is inside of a box; None where nothing is."""
        if self._inside is None:
            return box
        part = self._inside[tuple(slice(*span) for span in box)]
        spans: list[Span] = []
        for axis, ((start, _), step) in enumerate(zip(box, self._multiple, strict=True)):
            hit = np.flatnonzero(part.any(axis=tuple(other for other in range(3) if other != axis)))
            if not hit.size:
                return None
            spans.append((start + down(int(hit[0]), step), start + up(int(hit[-1]) + 1, step)))
        return spans[0], spans[1], spans[2]

    def _tiles(self, box: Box) -> list[Tile]:
        core = self.tight(box)
        if core is None:
            return []
        tile = self._around(core)
        cells = [(b - a) // step for (a, b), step in zip(core, self._multiple, strict=True)]
        if math.prod(tile.size) <= self._most or max(cells) == 1:
            return [tile]
        # The longest axis is halved: the pieces' halos are then the smallest.
        axis = max((n for n in range(3) if cells[n] > 1), key=lambda n: tile.size[n])
        (a, b), step = core[axis], self._multiple[axis]
        cut = a + max(cells[axis] // 2, 1) * step
        halves = [(*core[:axis], span, *core[axis + 1 :]) for span in ((a, cut), (cut, b))]
        return [tile for half in halves for tile in self._tiles(half)]  # type: ignore[arg-type]

    def _around(self, core: Box) -> Tile:
        starts, sizes = [], []
        for (a, b), halo, step, length in zip(core, self._halo, self._multiple, self._shape, strict=True):
            start = max(0, down(a - halo, step))
            starts.append(start)
            sizes.append(min(up(length, step), up(b + halo, step)) - start)
        return Tile(start=(starts[0], starts[1], starts[2]), size=(sizes[0], sizes[1], sizes[2]), core=core)
