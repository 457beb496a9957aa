"""A network that sees a tile at a time, run over a whole volume without seams.

Arrays are (z, y, x). Neighbouring tiles overlap by at least two halos; each voxel is taken from the one tile
that sees at least a halo around it, so nothing is blended and the result is that of the whole volume at once.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from firstread.engine.fitting import fit_tiles
from firstread.engine.manifest import Input
from firstread.engine.network import Network
from firstread.engine.tile import Tile, Triple, down, triple, up
from firstread.progress import Progress, silent

AIR_HU = -1000.0

Array = npt.NDArray[Any]

_ROOM = 5
"""A fitted tile may have so many times the voxels of the package's patch: most chests are one tile then, no voxel is
seen twice. Its memory is what is paid for that."""


def plan_tiles(
    shape: Triple,
    *,
    tile: Triple,
    halo: int | Triple,
    inside: npt.NDArray[np.bool_] | None = None,
    multiple: int | Triple = 1,
) -> tuple[Tile, ...]:
    """Lay tiles over a volume, or over the part of it that is `inside`.

    The cores do not overlap and cover the volume (or every voxel of `inside`). At the volume's border a tile
    needs no halo: there is nothing beyond. Tiles fit the part closely: rows of tiles start where the part of
    the volume that they cross starts.

    Args:
        shape: Of the volume.
        tile: What the network sees.
        halo: Voxels at a tile's border whose result is not used, where another tile lies beyond.
        inside: Mask of the volume's shape; tiles without a voxel of it are left out.
        multiple: Starts and cores are multiples of this, the network's largest stride; of all axes or z, y, x.

    Raises:
        ValueError: the halo leaves nothing of a tile, or tile and `multiple` do not fit.
    """
    halos, steps = triple(halo), triple(multiple)
    for length, margin, step in zip(tile, halos, steps, strict=True):
        if length % step or length - 2 * up(margin, step) < step:
            raise ValueError(f"a tile of {tile} with halo {halos} leaves no core in multiples of {multiple}")
    if inside is not None and inside.shape != shape:
        raise ValueError(f"the mask has shape {inside.shape}, the volume {shape}")
    if 0 in shape:
        return ()

    def axis(number: int, mask: npt.NDArray[Any] | None) -> Iterator[tuple[int, tuple[int, int]]]:
        span = (0, shape[number])
        if mask is not None:
            hit = np.flatnonzero(mask.any(axis=tuple(range(1, mask.ndim))))
            if not hit.size:
                return
            span = (int(hit[0]), int(hit[-1]) + 1)
        step = steps[number]
        yield from _along(
            shape[number], span=span, tile=tile[number], halo=up(halos[number], step), multiple=step
        )

    tiles = []
    for z, core_z in axis(0, inside):
        slab = None if inside is None else inside[slice(*core_z)]
        for y, core_y in axis(1, None if slab is None else slab.transpose(1, 0, 2)):
            rod = None if slab is None else slab[:, slice(*core_y)]
            for x, core_x in axis(2, None if rod is None else rod.transpose(2, 0, 1)):
                if rod is None or rod[:, :, slice(*core_x)].any():
                    tiles.append(Tile(start=(z, y, x), size=tile, core=(core_z, core_y, core_x)))
    return tuple(tiles)


def run_tiled(
    network: Network,
    volume: Array,
    *,
    halo: int | Triple,
    outputs: Mapping[str, int | Triple] | None = None,
    inside: npt.NDArray[np.bool_] | None = None,
    fill: float | Mapping[str, float] = 0.0,
    pad_value: float = AIR_HU,
    keep: Mapping[str, Callable[[Array], Array]] | None = None,
    stage: str = "infer",
    progress: Progress = silent,
) -> dict[str, Array]:
    """Run a network over a volume and return its outputs on the whole volume.

    Args:
        network: Of one input patch; its spatial outputs have the strides of the manifest.
        volume: Array (z, y, x) in HU, int16 or float32, on the package's spacing and axes.
        halo: The network's receptive field on one side, in voxels; less gives seams.
        outputs: Names and strides (of all axes, or z, y, x) of what is wanted; None takes all maps of the manifest.
        inside: Where results are wanted; a tile that holds none of it is not run.
        fill: Value where no tile was run, for all outputs or by name.
        pad_value: HU of what a tile sees past the end of a volume that is smaller than it.
        keep: By name, what to keep of a core [channels, z, y, x], as [channels, z, y, x] of any type; e.g. an
            arg max as uint8, which takes a small part of the memory.
        stage: Told to `progress`.
        progress: Called after each tile; may raise Cancelled, upon which nothing keeps running.

    Returns:
        By name, arrays [channels, ceil(Z / stride), ceil(Y / stride), ceil(X / stride)].
    """
    manifest = network.package.manifest
    strides = {name: output.strides for name, output in manifest.outputs.items() if output.strides}
    if outputs is not None:
        wanted = {name: triple(stride) for name, stride in outputs.items()}
        for name, stride in wanted.items():
            if strides.get(name) != stride:
                raise ValueError(f"{manifest.name} has no output {name} of stride {stride}")
        strides = wanted
    if volume.ndim != 3:
        raise ValueError(f"a volume has three axes, not {volume.ndim}")
    shape: Triple = (volume.shape[0], volume.shape[1], volume.shape[2])
    tiles = _tiles(manifest.input, shape, strides=strides.values(), halo=halo, inside=inside)
    keep = keep or {}

    result: dict[str, Array] = {}
    for name, stride in strides.items():
        value = fill[name] if isinstance(fill, Mapping) else fill
        grid = [-(-size // step) for size, step in zip(shape, stride, strict=True)]
        # One voxel of "nothing" tells how many channels of which type are kept.
        nothing = np.full((manifest.outputs[name].channels, 1, 1, 1), value, np.float32)
        like = keep[name](nothing) if name in keep else nothing
        result[name] = np.full((like.shape[0], *grid), value, like.dtype)

    progress(stage, 0.0)
    crops = (_crop(volume, tile, pad_value) for tile in tiles)
    found = network.infer_many(crops)
    try:
        for done, (placed, values) in enumerate(zip(tiles, found, strict=True), start=1):
            for name, stride in strides.items():
                source = tuple(
                    slice((a - start) // step, -(-(min(b, size) - start) // step))
                    for (a, b), start, size, step in zip(
                        placed.core, placed.start, shape, stride, strict=True
                    )
                )
                target = tuple(
                    slice(a // step, -(-min(b, size) // step))
                    for (a, b), size, step in zip(placed.core, shape, stride, strict=True)
                )
                core = values[name][0][:, *source]
                result[name][:, *target] = keep[name](core) if name in keep else core
            progress(stage, done / len(tiles))
    finally:
        found.close()
    if not tiles:
        progress(stage, 1.0)
    return result


def _tiles(
    given: Input,
    shape: Triple,
    *,
    strides: Iterable[Triple],
    halo: int | Triple,
    inside: npt.NDArray[np.bool_] | None,
) -> tuple[Tile, ...]:
    """Lay tiles as the network takes them: fitted where it takes any size, else of its patch."""
    if given.multiple is not None:
        most = _ROOM * math.prod(given.patch)
        return fit_tiles(shape, halo=halo, multiple=given.multiple, most_voxels=most, inside=inside)
    z, y, x = (math.lcm(*along) for along in zip(*strides, strict=True))
    return plan_tiles(shape, tile=given.patch, halo=halo, inside=inside, multiple=(z, y, x))


def _along(
    size: int, *, span: tuple[int, int], tile: int, halo: int, multiple: int
) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield start and core of the tiles along one axis of `size` voxels that decide the voxels of `span`."""
    first, last = down(span[0], multiple), up(span[1], multiple)
    end = up(size, multiple)
    low, high = max(0, first - halo), min(end, last + halo)
    if high - low <= tile:
        # One tile: the part in its middle, as far as the volume's ends allow.
        start = down(max(0, min(low - (tile - (high - low)) // 2, end - tile)), multiple)
        yield start, (first, last)
        return
    steps = -(-(high - low - tile) // (tile - 2 * halo))
    reach = (high - low - tile) // multiple
    starts = [low + multiple * (reach * step // steps) for step in range(steps + 1)]
    cuts = [down((left + tile + right) // 2, multiple) for left, right in itertools.pairwise(starts)]
    for start, a, b in zip(starts, [first, *cuts], [*cuts, last], strict=True):
        yield start, (a, b)


def _crop(volume: Array, tile: Tile, pad_value: float) -> Array:
    """Cut a tile [1, 1, z, y, x] out of a volume; what lies past its end is padded."""
    part = volume[tuple(slice(a, a + length) for a, length in zip(tile.start, tile.size, strict=True))]
    if part.shape == tile.size:
        return part[None, None]
    whole = np.full(tile.size, pad_value, np.float32)
    whole[tuple(slice(0, length) for length in part.shape)] = part
    return whole[None, None]
