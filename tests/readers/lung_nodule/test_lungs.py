"""The lungs of a phantom: the shipped network on it, and its labels on the volume's own grid."""

import numpy as np
import pytest
from scipy import ndimage

from firstread.dicom.geometry import Geometry
from firstread.dicom.volume import Volume
from firstread.engine import Engine
from firstread.errors import RefusedInput
from firstread.phantom import make_phantom
from firstread.readers.lung_nodule.grid import labels_on
from firstread.readers.lung_nodule.lungs import LEFT, RIGHT, segment_lungs


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(seed=3, spacing_mm=(2.5, 1.4, 1.4), matrix=256, nodules=[])


@pytest.fixture(scope="module")
def network():
    with Engine() as engine:
        yield engine.network("lung_nodule_lungs")


def volume_of(hu, geometry):
    return Volume(hu=np.ascontiguousarray(hu), geometry=geometry, sources=(), headers=())


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def test_both_lungs_are_found_and_labelled_on_the_volumes_grid(phantom, network):
    lungs = segment_lungs(volume_of(phantom.hu, phantom.geometry), network)
    assert lungs.labels.shape == phantom.hu.shape
    for side in (RIGHT, LEFT):
        assert dice(lungs.labels == side, phantom.lungs == side) > 0.93
        # The fine labels are the coarse ones, smoother: nothing is lost on the way, and nothing added.
        assert (
            dice(labels_on(lungs.labels, phantom.geometry, lungs.grid) == side, lungs.coarse == side) > 0.97
        )


def test_a_volume_that_is_stored_askew_gets_the_same_lungs(phantom, network):
    straight = segment_lungs(volume_of(phantom.hu, phantom.geometry), network).labels
    turn = np.radians(6)
    matrix = np.array([[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]])
    middle = (np.array(phantom.hu.shape) - 1) / 2
    offset = middle - matrix @ middle
    hu = ndimage.affine_transform(phantom.hu, matrix, offset, order=1, cval=-1000)
    to_straight = np.eye(4)
    to_straight[:3, :3], to_straight[:3, 3] = matrix, offset
    geometry = Geometry(shape=phantom.hu.shape, affine=phantom.geometry.affine @ to_straight)
    askew = segment_lungs(volume_of(hu, geometry), network).labels
    expected = ndimage.affine_transform(straight, matrix, offset, order=0)
    assert dice(askew > 0, expected > 0) > 0.95


def test_lungs_that_fill_the_volume_to_its_edges_are_labelled_to_the_edges(phantom, network):
    held = np.flatnonzero((phantom.lungs > 0).any((1, 2)))
    box = (slice(int(held[10]), int(held[-10])), slice(0, phantom.hu.shape[1]), slice(0, phantom.hu.shape[2]))
    lungs = segment_lungs(volume_of(phantom.hu[box], phantom.geometry.cropped(box)), network)
    assert dice(lungs.labels > 0, phantom.lungs[box] > 0) > 0.93
    assert (lungs.labels[0] > 0).any() and (lungs.labels[-1] > 0).any()


def test_a_volume_without_lungs_is_refused(phantom, network):
    with pytest.raises(RefusedInput, match="not a chest CT"):
        segment_lungs(volume_of(np.full_like(phantom.hu, 40), phantom.geometry), network)
