"""A nodule put into a piece of a chest, with its truth known."""

import numpy as np
import pytest

from firstread.readers.lung_nodule.measure import measure_mask
from firstread.readers.lung_nodule.outline import outline_nodule
from tests.readers.lung_nodule.bodies import star
from training.lung_nodule.backgrounds import Background
from training.lung_nodule.inserted import Chest
from training.lung_nodule.rendering import Protocol
from training.lung_nodule.shapes import GRID_MM, Shape


@pytest.fixture(scope="module")
def chest():
    rng = np.random.default_rng(0)
    hu = (-860 + rng.normal(0, 15, (110, 120, 120))).astype(np.int16)
    lungs = np.zeros(hu.shape, np.uint8)
    lungs[4:-4, 4:-4, 4:-4] = 1
    return Chest(Background("even", hu, lungs, 1.0, ()))


def shape(radius, texture=5):
    body = np.pad(star(radius, spacing_mm=(GRID_MM,) * 3), 2)
    return Shape(body, "P", "0-0", 4, texture, 6, 1, 1, 3)


def inserted(chest, radius, protocol=Protocol(), **kind):  # noqa: B008 - frozen
    rng = np.random.default_rng(3)
    made = [chest.insert(shape(radius, **kind), rng, protocol) for _ in range(12)]
    return next(one for one in made if one is not None and one.site == "parenchymal")


@pytest.mark.parametrize("radius", [3.0, 6.0])
def test_the_truth_is_the_size_of_what_was_inserted(chest, radius):
    one = inserted(chest, radius)
    assert one.truth.diameter_mm.mean == pytest.approx(2 * radius, abs=0.6)
    assert one.volume_mm3 == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.12)


def test_the_product_measures_a_solid_ball_as_it_was_inserted(chest):
    one = inserted(chest, 5.0)
    mask = outline_nodule(
        one.volume, one.lungs, center_lps_mm=one.truth.center_lps_mm, diameter_mm=one.truth.diameter_mm.mean
    )
    assert measure_mask(one.volume, mask).diameter_mm.mean == pytest.approx(10, abs=0.8)


def test_texture_says_what_kind_it_is(chest):
    kinds = [inserted(chest, 5.0, texture=texture).kind for texture in (1, 3, 5)]
    assert kinds == ["ground-glass", "part-solid", "solid"]


def test_the_header_tells_the_thickness_that_was_simulated(chest):
    one = inserted(chest, 5.0, Protocol(thickness_mm=5.0))
    assert float(one.volume.header.SliceThickness) == pytest.approx(5.1, abs=0.01)
