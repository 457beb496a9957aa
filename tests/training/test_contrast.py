"""How far inserted nodules stand out, measured as real ones were."""

import numpy as np

from training.lung_nodule.backgrounds import Background
from training.lung_nodule.contrast import CLASSES_MM, REAL, OneRating, inserted, outlined
from training.lung_nodule.drawing import GAIN_HU, LEAST_GAIN_HU, SMALL_MM, gain_bounds_hu
from training.lung_nodule.shapes import balls


def _lung(edge: int = 96) -> Background:
    rng = np.random.default_rng(2)
    hu = (rng.normal(0, 10, (edge,) * 3) - 850).astype(np.int16)
    return Background("lung", hu, np.ones(hu.shape, np.uint8), 1.0, ())


def test_an_outline_holds_the_first_pixel_outside_and_lies_one_pixel_off():
    hu = np.full((5, 41, 41), -850, np.int16)
    body = np.zeros(hu.shape, bool)
    z, y, x = np.ogrid[-2:3, -20:21, -20:21]
    body |= y**2 + x**2 <= 7**2 - 4 * z**2
    hu[body] = -250
    one = outlined(hu, body)
    assert 15 < one.diameter_mm < 16.5, "14 mm and a pixel all around"
    assert -500 < one.inside_hu < -320, "thinned by what is outside"
    assert -850 <= one.around_hu < -800, "the nodule's edge is in it"
    assert one.contrast_hu == one.inside_hu - one.around_hu


def test_a_small_faint_nodule_must_be_denser_than_a_large_one_and_a_solid_one_only_be_there():
    for rating, (small, large) in GAIN_HU.items():
        assert gain_bounds_hu(rating, SMALL_MM - 0.1) == small
        assert gain_bounds_hu(rating, SMALL_MM) == large
        assert small[0] > large[0] >= LEAST_GAIN_HU
    assert gain_bounds_hu(5, 4.0) == (LEAST_GAIN_HU, np.inf)


def test_inserted_ground_glass_stands_out_as_ground_glass_that_readers_rated():
    """On balls in an even lung; `contrast.main` tells it of readers' outlines in real ones."""
    shapes = [shape for shape in balls(3000) if shape.texture in (1, 5)]
    found = {rating: inserted([_lung()], shapes, rating, scenes=6, nodules=25) for rating in (1, 5)}
    for number in range(len(CLASSES_MM)):
        faint, real = found[1][number], REAL[1, number]
        assert faint.count >= 5
        assert real.low * 0.6 < faint.middle < real.high * 1.3
        assert found[5][number].middle > 1.5 * faint.middle


def test_only_nodules_of_the_rating_are_drawn():
    store = OneRating(list(balls(400)), 3)
    rng = np.random.default_rng(1)
    drawn = [store.draw_as_found(rng) for _ in range(20)]
    assert {shape.texture for shape, _ in drawn} == {3}
    assert {scale for _, scale in drawn} == {1.0}
