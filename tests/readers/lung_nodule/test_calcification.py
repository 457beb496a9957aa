"""Calcium in nodules, apart from noise, contrast medium, ribs and vessels."""

import numpy as np
import pytest

from firstread.findings import Mask
from firstread.readers.lung_nodule.calcification import calcification_of
from tests.readers.lung_nodule.synthetic import Sphere, Vessel, scan


def ball(diameter, at=(0.0, 0.0, 0.0)):
    return Sphere(at, (diameter / 2,) * 3)


def seen(bodies, *, diameter, **scanner):
    volume = scan(bodies, half_mm=0.6 * diameter + 11, **scanner)
    points = volume.geometry.to_lps(np.stack(np.indices(volume.geometry.shape), -1))
    inside = ball(diameter).distance(*np.moveaxis(points, -1, 0)) < 0
    return calcification_of(volume, Mask.crop(inside))


@pytest.mark.parametrize("slice_mm", [1.25, 2.5])
@pytest.mark.parametrize("diameter", [6.0, 10.0, 20.0])
def test_a_calcified_nodule_holds_calcium(diameter, slice_mm):
    found = seen([(ball(diameter), 500)], diameter=diameter, slice_mm=slice_mm)
    assert found.present
    assert found.share > 0.2


def test_a_calcified_core_fills_its_share():
    found = seen([(ball(14.0), 30), (ball(7.0), 700)], diameter=14.0)
    assert found.present
    assert found.share == pytest.approx(0.125, abs=0.06)


def test_a_speck_is_measured_but_not_called():
    found = seen([(ball(20.0), 30), (ball(4.0, (3.0, 0, 0)), 700)], diameter=20.0)
    assert 0 < found.share < 0.03
    assert not found.present


@pytest.mark.parametrize("slice_mm", [1.25, 5.0])
@pytest.mark.parametrize("hu", [30, 130])
@pytest.mark.parametrize("noise_hu", [25, 90])
def test_enhanced_tissue_and_noise_are_no_calcium(hu, noise_hu, slice_mm):
    found = seen([(ball(12.0), hu)], diameter=12.0, noise_hu=noise_hu, slice_mm=slice_mm)
    assert not found.present
    assert found.share == 0


def test_a_contrasted_vessel_through_a_nodule_is_no_calcium():
    vessel = Vessel((5.0, 0, 0), (0, 0, 1), 2.0)
    found = seen([(ball(12.0), 40), (vessel, 350)], diameter=12.0)
    assert not found.present


def test_an_empty_mask_is_refused():
    volume = scan([], half_mm=8)
    with pytest.raises(ValueError, match="empty"):
        calcification_of(volume, Mask(voxels=np.zeros((2, 2, 2), bool), offset=(0, 0, 0)))
