import tracemalloc

import numpy as np
import pytest
from scipy import ndimage

from firstread.dicom.geometry import Geometry
from firstread.readers.lung_nodule.lungs import LEFT, RIGHT
from firstread.readers.lung_nodule.smooth_labels import on_volume

COARSE = Geometry(shape=(30, 28, 33), affine=np.diag([3.0, 3.0, 3.0, 1.0]))
TURN = np.deg2rad(9)
TARGETS = {
    "finer": np.diag([0.7, 0.65, 0.9, 1.0]),
    "flipped": np.diag([-0.8, 0.7, -2.5, 1.0]) + np.pad(np.array([[80.0], [3.3], [80.0]]), ((0, 1), (3, 0))),
    "coarser along z": np.diag([1.3, 1.1, 6.0, 1.0]),
    "turned": np.array(
        [
            [np.cos(TURN), -np.sin(TURN), 0, 8],
            [np.sin(TURN), np.cos(TURN), 0, -6],
            [0, 0, 1.2, 2],
            [0, 0, 0, 1],
        ]
    ),
}


@pytest.fixture(scope="module")
def coarse():
    z, y, x = np.indices(COARSE.shape)
    bumps = np.random.default_rng(0).normal(size=COARSE.shape)
    bumps = ndimage.gaussian_filter(bumps, 2) * 20
    labels = np.zeros(COARSE.shape, np.uint8)
    labels[((z - 14) / 11) ** 2 + ((y - 14) / 9) ** 2 + ((x - 9) / 8.5) ** 2 + bumps * 0.1 < 1] = RIGHT
    labels[((z - 16) / 12) ** 2 + ((y - 13) / 8) ** 2 + ((x - 24) / 8.5) ** 2 + bumps * 0.1 < 1] = LEFT
    assert ((labels[:, :, :-1] == RIGHT) & (labels[:, :, 1:] == LEFT)).any()  # they touch
    return labels


@pytest.mark.parametrize("affine", TARGETS.values(), ids=TARGETS)
def test_a_voxel_is_the_lungs_where_the_softened_mask_between_coarse_voxels_is_half(coarse, affine):
    target = Geometry(shape=(60, 75, 80), affine=affine)
    labels = on_volume(coarse, COARSE, target)
    assert labels.dtype == np.uint8 and labels.flags.writeable
    places = np.indices(target.shape).reshape(3, -1).T
    at = COARSE.to_index(target.to_lps(places)).T
    expected, least = np.zeros(target.shape, np.uint8), np.full(target.shape, np.inf)
    for side in (RIGHT, LEFT):
        soft = ndimage.gaussian_filter((coarse == side).astype(float), 0.6)
        value = ndimage.map_coordinates(soft, at, order=1, mode="constant").reshape(target.shape)
        expected[value >= 0.5] = side
        least = np.minimum(least, np.abs(value - 0.5))
    differ = labels != expected
    assert (expected == RIGHT).sum() > 1000 < (expected == LEFT).sum()
    # Interpolated in steps of a two-hundredth, twice.
    assert least[differ].max(initial=0) < 0.02
    assert differ.mean() < 0.01


def test_without_labels_nothing_is_labelled():
    target = Geometry(shape=(5, 6, 7), affine=np.eye(4))
    assert not on_volume(np.zeros(COARSE.shape, np.uint8), COARSE, target).any()


def test_a_long_series_takes_little_more_memory_than_its_labels():
    coarse = np.zeros((40, 30, 30), np.uint8)
    coarse[2:38, 2:28, 2:14], coarse[2:38, 2:28, 16:28] = RIGHT, LEFT
    grid = Geometry(shape=coarse.shape, affine=np.diag([4.0, 4.0, 4.0, 1.0]))
    fine = Geometry(shape=(1000, 120, 120), affine=np.diag([0.16, 1.0, 1.0, 1.0]))
    tracemalloc.start()
    try:
        labels = on_volume(coarse, grid, fine)
        _, most = tracemalloc.get_traced_memory()  # without the labels, which are pages of their own
    finally:
        tracemalloc.stop()
    assert (labels == RIGHT).any() and (labels == LEFT).any()
    assert most < 0.3 * labels.nbytes
