"""Reading grids, and over how much of z a slice averages, from headers that may say nothing or nonsense."""

from dataclasses import replace

import numpy as np
import pytest
from pydicom.dataset import Dataset

from firstread.readers.lung_nodule.attenuation import attenuation_of
from firstread.readers.lung_nodule.grid import reading_grid, slice_profile_mm
from firstread.readers.lung_nodule.outline import outline_nodule
from tests.readers.lung_nodule.synthetic import Sphere, lung_labels, scan


def headed(volume, thickness):
    header = Dataset()
    if thickness is not None:
        header.SliceThickness = thickness
    return replace(volume, headers=(header,))


@pytest.mark.parametrize(
    ("thickness", "profile"), [(None, 1.25), ("0.6", 1.25), ("2.5", 2.5), ("1000", 10.0), ("-3", 1.25)]
)
def test_a_slice_averages_over_its_thickness_where_that_is_more_than_the_distance(thickness, profile):
    volume = headed(scan([], half_mm=6, slice_mm=1.25), thickness)
    assert slice_profile_mm(volume) == pytest.approx(profile)


def test_a_volume_without_headers_averages_over_the_distance_of_its_slices():
    assert slice_profile_mm(scan([], half_mm=6, slice_mm=2.0)) == pytest.approx(2.0)


def test_overlapping_thick_slices_do_not_make_a_solid_nodule_part_solid():
    thick = scan([(Sphere((0, 0, 0), (4.5, 4.5, 4.5)), 20.0)], half_mm=18, slice_mm=1.0)
    # What slices of 4 mm every millimetre show.
    blurred = sum(thick.hu[k : len(thick.hu) - 3 + k].astype(float) for k in range(4)) / 4
    volume = replace(thick, hu=thick.hu.copy())
    volume.hu[1:-2] = blurred.astype("int16")
    mask = outline_nodule(volume, lung_labels(volume), center_lps_mm=(0, 0, 0.5), diameter_mm=9.0)
    assert attenuation_of(headed(volume, "4"), mask).attenuation == "solid"
    assert attenuation_of(headed(volume, "4"), mask).solid_share > attenuation_of(volume, mask).solid_share


def test_a_grid_may_have_other_steps_along_each_axis():
    grid = reading_grid((-10, -20, 5), (10, 20, 25), spacing_mm=(2.0, 1.0, 0.5))
    assert grid.shape == (11, 41, 41)
    assert grid.spacing_mm == (2.0, 1.0, 0.5)
    np.testing.assert_allclose(grid.to_lps((10, 40, 40)), (10, 20, 25))
