"""What synthetic nodules are made of, through noise, blur and thick slices."""

import pytest

from firstread.readers.lung_nodule.attenuation import attenuation_of
from firstread.readers.lung_nodule.outline import outline_nodule
from tests.readers.lung_nodule.synthetic import Sphere, Vessel, Wall, lung_labels, scan


def ball(diameter, at=(0.0, 0.0, 0.0)):
    return Sphere(at, (diameter / 2,) * 3)


def facts(bodies, *, diameter, wall=None, **scanner):
    volume = scan(bodies, half_mm=0.6 * diameter + 11, **scanner)
    mask = outline_nodule(
        volume, lung_labels(volume, wall=wall), center_lps_mm=(0.3, 0.3, 0.3), diameter_mm=diameter
    )
    return attenuation_of(volume, mask)


@pytest.mark.parametrize("slice_mm", [1.25, 2.5, 5.0])
@pytest.mark.parametrize("diameter", [4.0, 6.0, 9.0, 20.0])
@pytest.mark.parametrize("hu", [0, 60, 150])
def test_soft_tissue_is_solid_in_thin_and_thick_slices_with_and_without_contrast(diameter, slice_mm, hu):
    assert facts([(ball(diameter), hu)], diameter=diameter, slice_mm=slice_mm).attenuation == "solid"


@pytest.mark.parametrize("diameter", [6.0, 9.0, 20.0])
def test_a_sharp_noisy_kernel_makes_no_fat_or_glass(diameter):
    found = facts([(ball(diameter), 30)], diameter=diameter, noise_hu=90, blur_mm=0.35)
    assert found.attenuation == "solid"


@pytest.mark.parametrize("slice_mm", [1.25, 2.5])
@pytest.mark.parametrize("hu", [-700, -550])
@pytest.mark.parametrize("diameter", [6.0, 12.0, 28.0])
def test_a_faint_nodule_is_ground_glass(diameter, hu, slice_mm):
    assert facts([(ball(diameter), hu)], diameter=diameter, slice_mm=slice_mm).attenuation == "ground-glass"


def test_vessels_through_ground_glass_are_no_solid_part():
    bodies = [(ball(24.0), -650)]
    bodies += [(Vessel((x, 0, 0), (0.1, 0.3, 1), 0.9), 30) for x in (-6, 0, 5)]
    assert facts(bodies, diameter=24.0).attenuation == "ground-glass"


def test_ground_glass_on_the_pleura_takes_no_solid_part_from_the_wall():
    wall = Wall(8.0)
    assert facts([(ball(20.0), -640), (wall, 40)], diameter=20.0, wall=wall).attenuation == "ground-glass"


@pytest.mark.parametrize(("whole", "core"), [(12.0, 5.0), (20.0, 8.0), (20.0, 12.0), (28.0, 10.0)])
def test_a_part_solid_nodule_has_its_solid_part_measured(whole, core):
    found = facts([(ball(whole), -620), (ball(core, (1.0, 0.5, 0.0)), 20)], diameter=whole)
    assert found.attenuation == "part-solid"
    assert found.solid_part_mm.mean == pytest.approx(core, abs=0.8)


@pytest.mark.parametrize("diameter", [5.0, 9.0, 16.0])
def test_a_calcified_nodule_is_calcified(diameter):
    assert facts([(ball(diameter), 600)], diameter=diameter).attenuation == "calcified"


def test_a_speck_of_calcium_does_not_make_a_nodule_calcified():
    found = facts([(ball(14.0), 30), (ball(3.0, (3.0, 0, 0)), 700)], diameter=14.0)
    assert found.attenuation == "solid"
    assert 0 < found.calcified_share < 0.1


@pytest.mark.parametrize("diameter", [12.0, 20.0])
def test_a_nodule_of_fat_is_fat(diameter):
    assert facts([(ball(diameter), -90)], diameter=diameter).attenuation == "fat"


def test_only_part_solid_nodules_have_a_solid_part():
    assert facts([(ball(10.0), 30)], diameter=10.0).solid_part_mm is None
    assert facts([(ball(12.0), -650)], diameter=12.0).solid_part_mm is None
