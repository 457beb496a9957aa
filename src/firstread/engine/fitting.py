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
    whole = fitter.everything()
    if whole is None:
        return ()
    plans = [fitter.slabs(whole, count) for count in range(1, _MOST_SLABS + 1)]
    return min(plans, key=lambda plan: sum(math.prod(tile.size) for tile in plan))


class _Fitter:
    """One volume, and what its tiles must keep to; boxes are counted in cells of `multiple` voxels."""

    def __init__(
        self,
        shape: Triple,
        halo: Triple,
        multiple: Triple,
        most_voxels: int,
        inside: npt.NDArray[np.bool_] | None,
    ) -> None:
        self._shape, self._halo, self._multiple, self._most = shape, halo, multiple, most_voxels
        # Plans look at the mask again and again, and need no more of it than its cells.
        self._cells = np.ones([-(-n // step) for n, step in zip(shape, multiple, strict=True)], bool)
        if inside is not None:
            self._cells = inside
            for axis, (length, step) in enumerate(zip(shape, multiple, strict=True)):
                self._cells = np.logical_or.reduceat(self._cells, range(0, length, step), axis)

    def everything(self) -> Box | None:
        """Return the smallest box around all that is inside; None where nothing is."""
        z, y, x = self._cells.shape
        return self._tight(((0, z), (0, y), (0, x)))

    def slabs(self, box: Box, count: int) -> tuple[Tile, ...]:
        """Return the tiles of a box that is cut into so many slabs along z."""
        (first, last), y, x = box
        cuts = sorted({first + (last - first) * n // count for n in range(count + 1)})
        return tuple(tile for span in itertools.pairwise(cuts) for tile in self._tiles((span, y, x)))

    def _tight(self, box: Box) -> Box | None:
        """Return the smallest box around what is inside of a box; None where nothing is."""
        part = self._cells[tuple(slice(*span) for span in box)]
        if not part.any():
            return None
        hits = np.argwhere(part)
        z, y, x = (
            (start + int(low), start + int(high) + 1)
            for (start, _), low, high in zip(box, hits.min(0), hits.max(0), strict=True)
        )
        return z, y, x

    def _tiles(self, box: Box) -> list[Tile]:
        core = self._tight(box)
        if core is None:
            return []
        tile = self._around(core)
        counts = [b - a for a, b in core]
        if math.prod(tile.size) <= self._most or max(counts) == 1:
            return [tile]
        # The longest axis is halved: the pieces' halos are then the smallest.
        axis = max((n for n in range(3) if counts[n] > 1), key=lambda n: tile.size[n])
        (a, b), cut = core[axis], core[axis][0] + counts[axis] // 2
        halves = [(*core[:axis], span, *core[axis + 1 :]) for span in ((a, cut), (cut, b))]
        return [tile for half in halves for tile in self._tiles(half)]  # type: ignore[arg-type]

    def _around(self, box: Box) -> Tile:
        """Return the tile that decides the cells of a box."""
        core, starts, sizes = [], [], []
        for (a, b), halo, step, length in zip(box, self._halo, self._multiple, self._shape, strict=True):
            core.append((a * step, b * step))
            starts.append(max(0, down(a * step - halo, step)))
            sizes.append(min(up(length, step), up(b * step + halo, step)) - starts[-1])
        return Tile(
            start=(starts[0], starts[1], starts[2]),
            size=(sizes[0], sizes[1], sizes[2]),
            core=(core[0], core[1], core[2]),
        )
