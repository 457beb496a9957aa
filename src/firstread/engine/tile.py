"""A tile: one placement of a network in a volume. Arrays are (z, y, x)."""

from dataclasses import dataclass

Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Tile:
    """One placement of the network.

    Attributes:
        start: First voxel (z, y, x) that it sees; multiple of the plan's `multiple`.
        size: Voxels that it sees along z, y, x; may end past the volume.
        core: Voxels that it decides, as (first, past the last) along z, y, x; may end past the volume.
    """

    start: Triple
    size: Triple
    core: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


def triple(value: int | Triple) -> Triple:
    """Return one number an axis."""
    return (value, value, value) if isinstance(value, int) else value


def down(value: int, multiple: int) -> int:
    """Return the greatest multiple that is not above a value."""
    return value // multiple * multiple


def up(value: int, multiple: int) -> int:
    """Return the least multiple that is not below a value."""
    return -(-value // multiple) * multiple
