import numpy as np
import pytest

from firstread.dicom.geometry import Geometry
from firstread.evaluation.strata import site_class, size_class, thickness_class
from firstread.readers.lung_nodule.lungs import Lungs

GRID = Geometry.from_axes(
    shape=(30, 60, 60), origin_lps_mm=(0, 0, 0), slice_step_mm=(0, 0, 2), row_step_mm=(0, 1, 0),
    column_step_mm=(1, 0, 0),
)  # fmt: skip


def lungs() -> Lungs:
    """One lung: x and y from 10 to 49 mm, at all heights."""
    labels = np.zeros(GRID.shape, np.uint8)
    labels[:, 10:50, 10:50] = 1
    return Lungs(labels=labels, coarse=labels, grid=GRID)


@pytest.mark.parametrize(
    ("diameter_mm", "name"),
    [(2.9, "under 3 mm"), (3.0, "3 to 6 mm"), (5.99, "3 to 6 mm"), (6.0, "6 to 12 mm"), (12.0, "12 mm and more")],
)  # fmt: skip
def test_a_limit_belongs_to_the_larger_class(diameter_mm: float, name: str):
    assert size_class(diameter_mm) == name


@pytest.mark.parametrize(
    ("thickness_mm", "name"),
    [(1.0, "up to 1.5 mm"), (1.5, "up to 1.5 mm"), (2.5, "1.6 to 2.5 mm"), (3.0, "over 2.5 mm")],
)
def test_slices_are_classed_by_thickness(thickness_mm: float, name: str):
    assert thickness_class(thickness_mm) == name


@pytest.mark.parametrize(
    ("x", "site"),
    [(30.0, "away from the pleura"), (20.0, "away from the pleura"), (15.0, "pleural"), (5.0, "outside the lung mask")],
)  # fmt: skip
def test_the_site_is_told_by_the_distance_to_the_border_of_the_mask(x: float, site: str):
    assert site_class((x, 30.0, 30.0), 10.0, lungs(), GRID) == site


def test_where_the_scan_ends_there_is_no_pleura():
    assert site_class((30.0, 30.0, 0.0), 10.0, lungs(), GRID) == "away from the pleura"


def test_a_place_beyond_the_scan_is_outside():
    assert site_class((30.0, 30.0, 500.0), 10.0, lungs(), GRID) == "outside the lung mask"
