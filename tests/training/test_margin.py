"""An inserted lesion's margin: uneven, but still where and as large as its shape."""

from dataclasses import replace

import numpy as np
import pytest

from training.lung_nodule.insertion import Lesion, rendered_fraction
from training.lung_nodule.margin import Margin, drawn_margin
from training.lung_nodule.shapes import GRID_MM, balls

PLAIN = Margin(
    rough_mm=0.0, patchy=0.0, grain_mm=2.0, spicules=0, spicule_mm=0.0, veil=0.0, veil_mm=0.0, seed=7
)
EXTENT = 64


def ball(radius_mm=8.0):
    edge = int(radius_mm / GRID_MM) + 3
    z, y, x = np.ogrid[-edge : edge + 1, -edge : edge + 1, -edge : edge + 1]
    return z**2 + y**2 + x**2 <= (radius_mm / GRID_MM) ** 2


def rendered(margin=None, *, fraction=1.0):
    centre = np.full(3, (EXTENT - 1) / 2, np.float32)
    return rendered_fraction(
        ball(), Lesion(30.0, fraction, margin=margin), centre, EXTENT, blur_mm=(0.6, 0.6)
    )


def away():
    grid = np.mgrid[:EXTENT, :EXTENT, :EXTENT] - (EXTENT - 1) / 2
    return np.sqrt((grid**2).sum(0))


def test_a_margin_without_anything_changes_nothing():
    for even, uneven in zip(rendered(), rendered(PLAIN), strict=True):
        assert np.abs(even - uneven).max() < 1e-5


def test_patches_waver_inside_and_keep_the_mean():
    even, _ = rendered(fraction=0.3)
    deep, means = away() < 6, []
    for seed in range(6):
        patchy, cover = rendered(replace(PLAIN, patchy=0.4, seed=seed), fraction=0.3)
        assert patchy[deep].std() > 4 * even[deep].std()
        assert patchy[cover < 0.01].max() < 0.1
        means.append(patchy[deep].mean())
    assert np.mean(means) == pytest.approx(even[deep].mean(), rel=0.1)


def test_a_veil_surrounds_the_lesion_and_is_no_part_of_it():
    veiled, cover = rendered(replace(PLAIN, veil=0.3, veil_mm=5.0))
    _, outline = rendered()
    near, far = (away() > 9.5) & (away() < 10.5), away() > 16
    assert 0.1 < veiled[near].mean() < 0.3
    assert veiled[far].max() < 0.02
    assert np.array_equal(cover > 0.5, outline > 0.5)


def test_spicules_reach_beyond_the_surface_only_here_and_there():
    spiked, _ = rendered(replace(PLAIN, spicules=10, spicule_mm=8.0))
    plain, _ = rendered()
    shell = (away() > 10) & (away() < 11)
    assert plain[shell].max() < 0.05
    assert spiked[shell].max() > 0.2
    assert (spiked[shell] > 0.1).mean() < 0.2


def test_a_rough_surface_keeps_one_body_of_about_its_size():
    rough = replace(PLAIN, rough_mm=0.8).roughened(np.pad(ball(), 4))
    assert rough.sum() == pytest.approx(ball().sum(), rel=0.1)
    assert (rough != np.pad(ball(), 4)).mean() > 0.005


def test_readers_who_call_a_nodule_spiculated_get_more_spicules():
    smooth = next(iter(balls(1)))
    spiky = replace(smooth, spiculation=5)
    share = [
        np.mean(
            [
                drawn_margin(shape, np.random.default_rng(n), diameter_mm=12.0, solid=True).spicules > 0
                for n in range(200)
            ]
        )
        for shape in (smooth, spiky)
    ]
    assert share[0] < 0.2 < 0.6 < share[1]


def test_the_same_seed_draws_the_same_lesion():
    margin = Margin(0.5, 0.3, 2.0, 6, 5.0, 0.2, 3.0, seed=11)
    assert np.array_equal(rendered(margin)[0], rendered(margin)[0])
    assert not np.array_equal(rendered(margin)[0], rendered(replace(margin, seed=12))[0])
