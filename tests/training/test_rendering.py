"""Other protocols change what they say and nothing else; nodules move with the chest."""

import numpy as np
import pytest

from training.lung_nodule.rendering import PROTOCOLS, Protocol, moved, moved_point, random_protocol, rendered


@pytest.fixture
def chest():
    hu = np.full((40, 60, 60), -850, np.float32)
    z, y, x = np.ogrid[:40, :60, :60]
    hu[(z - 22) ** 2 + (y - 25) ** 2 + (x - 38) ** 2 <= 5] = 30
    return hu


def test_the_protocol_as_acquired_changes_nothing(chest):
    assert np.array_equal(rendered(chest, Protocol(), np.random.default_rng(0)), chest)


def test_thick_slices_dilute_a_small_nodule_and_keep_the_mean(chest):
    thick = rendered(chest, PROTOCOLS["5 mm"], np.random.default_rng(0))
    thin = rendered(chest, PROTOCOLS["1.25 mm"], np.random.default_rng(0))
    assert thick.max() < thin.max()
    assert thick.mean() == pytest.approx(chest.mean(), abs=3)


def test_noise_has_the_stated_strength(chest):
    noisy = rendered(chest, Protocol(noise_hu=40), np.random.default_rng(0))
    assert (noisy - chest).std() == pytest.approx(40, rel=0.05)


def test_sharp_and_soft_kernels_move_the_peak_in_opposite_directions(chest):
    soft, sharp = (
        rendered(chest, PROTOCOLS[name], np.random.default_rng(0)) for name in ("soft kernel", "sharp kernel")
    )
    assert soft.max() < chest.max() < sharp.max()


@pytest.mark.parametrize("name", ["off centre", "turned by 12 degrees", "flipped z"])
def test_a_nodule_is_where_moved_point_says(chest, name):
    protocol = PROTOCOLS[name]
    nodule = (chest > -400).astype(np.float32)
    before = tuple(float(c) for c in np.argwhere(nodule > 0.5).mean(0))
    after = np.argwhere(moved(nodule, protocol, order=1, fill=0) > 0.5).mean(0)
    assert after == pytest.approx(moved_point(before, chest.shape, protocol), abs=0.4)


def test_random_protocols_stay_within_what_scanners_do():
    drawn = [random_protocol(np.random.default_rng(seed)) for seed in range(200)]
    assert {0.0, 1.5, 5.0} <= {protocol.thickness_mm for protocol in drawn}
    assert all(abs(protocol.offset_hu) < 60 and 0.97 < protocol.gain < 1.03 for protocol in drawn)
