"""Which part of the body the slices show, and where that lies in patient coordinates."""

from dataclasses import dataclass

import numpy as np

from firstread.dicom.geometry import Geometry
from firstread.phantom.anatomy import Anatomy
from firstread.phantom.placing import Room

FIELD_CENTER_Y_MM = 8.0
"""Middle of the field of view behind the middle of the chest, so that the table is seen."""
BEYOND_LUNGS_MM = 16.0
"""What is imaged above the apices and below the lungs."""


@dataclass(frozen=True, eq=False)
class Frame:
    """The image grid.

    Attributes:
        first: Body (z, y, x) of the first voxel's centre; mm.
        spacing: Steps along (slice, row, column); mm.
        shape: Voxels along (slice, row, column).
        geometry: The same in patient coordinates.
        room: The imaged part of the body.
    """

    first: tuple[float, float, float]
    spacing: tuple[float, float, float]
    shape: tuple[int, int, int]
    geometry: Geometry
    room: Room


def frame_on_lungs(
    anatomy: Anatomy, seed: int, slices: int | None, spacing: tuple[float, float, float], matrix: int
) -> Frame:
    """Centre the image on the lungs; the patient lies a little off the middle, as the seed has it."""
    grid = anatomy.space.grid
    levels = np.flatnonzero((anatomy.chest.lobe > 0).any(axis=(1, 2))) * grid.step + grid.origin[0]
    low, high = float(levels.min()), float(levels.max())
    if slices is None:
        slices = int(np.ceil((high - low + 2 * BEYOND_LUNGS_MM) / spacing[0]))
    table = np.random.default_rng([seed, 2])
    first_z = (low + high) / 2 - spacing[0] * (slices - 1) / 2
    half = (matrix - 1) / 2
    dx, dy = table.uniform(-4, 4), FIELD_CENTER_Y_MM + table.uniform(-4, 4)
    first = (first_z, dy - half * spacing[1], dx - half * spacing[2])
    to_lps = (
        round(float(table.uniform(-6, 6)), 1),
        round(float(table.uniform(-20, -5)), 1),
        round(float(table.uniform(-320, -120)), 1),
    )
    origin = tuple(round(first[2 - axis] + to_lps[axis], 3) for axis in range(3))
    # Rounding the origin to what a header holds moves the grid by under a micrometre; the body moves with it.
    first = (origin[2] - to_lps[2], origin[1] - to_lps[1], origin[0] - to_lps[0])
    geometry = Geometry.from_axes(
        shape=(slices, matrix, matrix),
        origin_lps_mm=origin,
        slice_step_mm=(0, 0, spacing[0]),
        row_step_mm=(0, spacing[1], 0),
        column_step_mm=(spacing[2], 0, 0),
    )
    extent = (matrix - 1, matrix - 1, slices - 1)
    end = [first[2 - axis] + extent[axis] * spacing[2 - axis] for axis in range(3)]
    room = Room((first[2], first[1], first[0]), (end[0], end[1], end[2]), to_lps)
    return Frame(first, spacing, (slices, matrix, matrix), geometry, room)
