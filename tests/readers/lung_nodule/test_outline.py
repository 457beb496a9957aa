"""Outlines of synthetic nodules whose size is known, and of those that readers drew."""

import numpy as np
import pytest

from firstread.dicom.geometry import Geometry
from firstread.readers.lung_nodule.measure import measure_mask
from firstread.readers.lung_nodule.outline import ProbabilityPatch, outline_nodule
from tests.readers.lung_nodule.synthetic import Sphere, Vessel, Wall, lung_labels, scan

GROUND_GLASS, TISSUE = -650.0, 30.0


def ball(diameter, at=(0, 0, 0)):
    return Sphere(at, (diameter / 2,) * 3)


def measured(volume, lungs, *, diameter, seed=(0.0, 0.0, 0.0)):
    mask = outline_nodule(volume, lungs, center_lps_mm=seed, diameter_mm=diameter)
    assert mask is not None
    return measure_mask(volume, mask)


def sphere_volume(diameter):
    return np.pi / 6 * diameter**3


@pytest.mark.parametrize("slice_mm", [0.7, 1.25, 2.5, 5.0])
@pytest.mark.parametrize("diameter", [4.0, 6.0, 10.0, 20.0, 40.0])
def test_a_solid_nodule_measures_its_size(diameter, slice_mm):
    volume = scan([(ball(diameter), TISSUE)], half_mm=0.6 * diameter + 11, slice_mm=slice_mm)
    found = measured(volume, lung_labels(volume), diameter=diameter)
    assert found.diameter_mm.mean == pytest.approx(diameter, abs=max(0.5, 0.06 * diameter))
    # In slices thicker than half a nodule its volume is anybody's guess.
    if slice_mm <= diameter / 2:
        assert found.volume_mm3 == pytest.approx(sphere_volume(diameter), rel=0.12)
    assert np.linalg.norm(found.center_lps_mm) < max(0.7, 0.5 * slice_mm)


@pytest.mark.parametrize("pixel_mm", [0.6, 0.8])
def test_a_nodule_of_3_mm_is_outlined(pixel_mm):
    volume = scan([(ball(3.0), TISSUE)], half_mm=14, pixel_mm=pixel_mm, slice_mm=1.0)
    found = measured(volume, lung_labels(volume), diameter=3.0)
    assert found.diameter_mm.mean == pytest.approx(3.0, abs=0.8)


@pytest.mark.parametrize("noise_hu", [20, 50])
@pytest.mark.parametrize("diameter", [8.0, 15.0, 30.0])
def test_a_ground_glass_nodule_measures_its_size(diameter, noise_hu):
    volume = scan([(ball(diameter), GROUND_GLASS)], half_mm=0.6 * diameter + 11, noise_hu=noise_hu)
    found = measured(volume, lung_labels(volume), diameter=diameter)
    assert found.diameter_mm.mean == pytest.approx(diameter, abs=max(1.2, 0.08 * diameter))
    assert found.volume_mm3 == pytest.approx(sphere_volume(diameter), rel=0.12)


def test_a_part_solid_nodule_is_outlined_with_its_halo():
    bodies = [(ball(18.0), -620), (ball(8.0, (1, 1, 0)), 20)]
    volume = scan(bodies, half_mm=28)
    found = measured(volume, lung_labels(volume), diameter=16.0)
    assert found.diameter_mm.mean == pytest.approx(18, rel=0.08)


def test_an_ellipsoid_measures_both_its_axes():
    volume = scan([(Sphere((0, 0, 0), (9, 5, 6)), TISSUE)], half_mm=24)
    found = measured(volume, lung_labels(volume), diameter=13.0)
    assert found.diameter_mm.long == pytest.approx(18, abs=0.9)
    assert found.diameter_mm.short == pytest.approx(10, abs=0.7)


@pytest.mark.parametrize("diameter", [8.0, 16.0, 30.0])
def test_the_seed_may_be_off_and_the_estimate_wrong(diameter):
    volume = scan([(ball(diameter), TISSUE)], half_mm=0.6 * diameter + 11)
    lungs = lung_labels(volume)
    guesses = [(0.7, (2.5, 0, 0)), (1.0, (0, 0, -2.5)), (1.0, (0, 0, 0)), (1.3, (-1.5, 1.5, 1.5))]
    means = [
        measured(volume, lungs, diameter=factor * diameter, seed=seed).diameter_mm.mean
        for factor, seed in guesses
    ]
    assert max(means) - min(means) <= 0.3
    assert means[0] == pytest.approx(diameter, abs=0.6)


@pytest.mark.parametrize("diameter", [6.0, 12.0, 24.0])
def test_an_attached_vessel_is_cut_off(diameter):
    vessel = Vessel((0.3 * diameter, 0, 0), (0.3, 1, 0.5), max(0.8, 0.12 * diameter))
    volume = scan([(vessel, 60), (ball(diameter), TISSUE)], half_mm=0.7 * diameter + 10)
    found = measured(volume, lung_labels(volume), diameter=diameter)
    assert found.diameter_mm.mean == pytest.approx(diameter, rel=0.15)
    assert found.volume_mm3 == pytest.approx(sphere_volume(diameter), rel=0.25)


@pytest.mark.parametrize("diameter", [6.0, 12.0, 30.0])
def test_a_nodule_on_the_chest_wall_ends_at_the_pleura(diameter):
    wall = Wall(0.4 * diameter)
    volume = scan([(ball(diameter), TISSUE), (wall, 40)], half_mm=0.7 * diameter + 10)
    mask = outline_nodule(
        volume, lung_labels(volume, wall=wall), center_lps_mm=(0, -0.1 * diameter, 0), diameter_mm=diameter
    )
    points = volume.geometry.to_lps(np.argwhere(mask.voxels) + mask.offset)
    inside_wall = wall.distance(*points.T) < -1.5
    assert inside_wall.mean() < 0.02
    found = measure_mask(volume, mask)
    assert found.diameter_mm.long == pytest.approx(diameter, rel=0.2)


def test_a_mass_that_the_lung_mask_leaves_out_is_outlined_all_the_same():
    wall, mass = Wall(12.0), ball(30.0)
    volume = scan([(mass, TISSUE), (wall, 40)], half_mm=34)
    lungs = lung_labels(volume, wall=wall)
    points = volume.geometry.to_lps(np.stack(np.indices(volume.geometry.shape), -1))
    lungs[mass.distance(*np.moveaxis(points, -1, 0)) < 0.5] = 0
    found = measured(volume, lungs, diameter=27.0, seed=(1, -2, 1))
    assert found.diameter_mm.long == pytest.approx(30, rel=0.12)
    assert found.volume_mm3 == pytest.approx(0.92 * sphere_volume(30), rel=0.15)


def test_calcium_does_not_shrink_the_outline():
    volume = scan([(ball(12.0), TISSUE), (ball(6.0), 700)], half_mm=24)
    found = measured(volume, lung_labels(volume), diameter=12.0)
    assert found.diameter_mm.mean == pytest.approx(12, rel=0.06)


def test_a_gap_of_air_belongs_to_the_nodule():
    volume = scan([(ball(24.0), TISSUE), (ball(10.0), -950)], half_mm=26)
    found = measured(volume, lung_labels(volume), diameter=24.0, seed=(2, 2, 0))
    assert found.diameter_mm.mean == pytest.approx(24, rel=0.06)
    assert found.volume_mm3 == pytest.approx(sphere_volume(24), rel=0.1)


def test_the_same_seed_gives_the_same_outline():
    vessel = Vessel((3, 0, 0), (0.3, 1, 0.5), 1.2)
    volume = scan([(vessel, 60), (ball(9.0), TISSUE)], half_mm=22)
    lungs = lung_labels(volume)
    one, two = (
        outline_nodule(volume, lungs, center_lps_mm=(1, 0, 1), diameter_mm=8.0).paste(volume.geometry.shape)
        for _ in range(2)
    )
    assert np.array_equal(one, two)


def test_plain_lung_has_no_outline():
    volume = scan([], half_mm=20)
    assert outline_nodule(volume, lung_labels(volume), center_lps_mm=(0, 0, 0), diameter_mm=8.0) is None


def test_a_seed_outside_the_volume_has_no_outline():
    volume = scan([(ball(9.0), TISSUE)], half_mm=20)
    lungs = lung_labels(volume)
    assert outline_nodule(volume, lungs, center_lps_mm=(500, 0, 0), diameter_mm=8.0) is None


def test_a_nodule_at_the_edge_of_the_scan_stays_within_the_volume():
    volume = scan([(ball(12.0), TISSUE)], half_mm=24)
    lungs = lung_labels(volume)
    middle = volume.geometry.shape[0] // 2
    affine = volume.geometry.affine.copy()
    affine[:3, 3] = volume.geometry.to_lps((middle, 0, 0))
    half = type(volume)(
        hu=volume.hu[middle:],
        geometry=Geometry(shape=volume.hu[middle:].shape, affine=affine),
        sources=volume.sources[middle:],
        headers=(),
    )
    mask = outline_nodule(half, lungs[middle:], center_lps_mm=(0, 0, 1), diameter_mm=12.0)
    assert mask.offset[0] == 0
    assert mask.paste(half.geometry.shape).sum() == mask.voxels.sum()
    assert measure_mask(half, mask).diameter_mm.mean == pytest.approx(12, abs=0.8)


def test_a_network_says_which_of_two_touching_balls_is_the_nodule():
    volume = scan([(ball(12.0), TISSUE), (ball(12.0, (10.5, 0, 0)), TISSUE)], half_mm=30)
    lungs = lung_labels(volume)
    grid = Geometry.from_axes(
        shape=(41, 41, 41),
        origin_lps_mm=(-20, -20, -20),
        slice_step_mm=(0, 0, 1),
        row_step_mm=(0, 1, 0),
        column_step_mm=(1, 0, 0),
    )
    k, j, i = np.indices(grid.shape) - 20
    values = np.where(k**2 + j**2 + i**2 <= 36, 0.9, 0.02).astype(np.float32)
    patch = ProbabilityPatch(values=values, geometry=grid)
    mask = outline_nodule(volume, lungs, center_lps_mm=(0, 0, 0), diameter_mm=14.0, probability=patch)
    found = measure_mask(volume, mask)
    assert found.center_lps_mm[0] < 1.5
    assert found.diameter_mm.mean == pytest.approx(12, rel=0.12)
