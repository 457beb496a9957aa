"""Side, zone and pleural contact of nodules in two boxes of lung."""

import numpy as np
import pytest

from firstread.dicom.geometry import Geometry
from firstread.dicom.volume import SourceSlice, Volume
from firstread.findings import Mask
from firstread.readers.lung_nodule.place import LungHeights, place_of

SHAPE = (60, 60, 100)


def chest(*, flipped=False):
    """Lungs of 40 slices of 2 mm; the first columns are the patient's right."""
    geometry = Geometry.from_axes(
        shape=SHAPE,
        origin_lps_mm=(-50, -30, 60 if flipped else -60),
        slice_step_mm=(0, 0, -2 if flipped else 2),
        row_step_mm=(0, 1, 0),
        column_step_mm=(1, 0, 0),
    )
    lungs = np.zeros(SHAPE, np.uint8)
    lungs[10:50, 8:52, 6:44] = 1
    lungs[10:50, 8:52, 56:94] = 2
    sources = tuple(SourceSlice(f"1.2.{k}", None, float(k)) for k in range(SHAPE[0]))
    return Volume(hu=np.zeros(SHAPE, np.int16), geometry=geometry, sources=sources, headers=()), lungs


def nodule(k, j, i, half=2):
    voxels = np.zeros(SHAPE, bool)
    voxels[k - half : k + half + 1, j - half : j + half + 1, i - half : i + half + 1] = True
    return Mask.crop(voxels)


@pytest.mark.parametrize(("column", "side"), [(25, "right"), (75, "left")])
def test_the_side_is_that_of_the_lung_around(column, side):
    volume, lungs = chest()
    assert place_of(volume, lungs, nodule(30, 30, column)).laterality == side


def test_a_nodule_beside_the_mask_belongs_to_the_nearest_lung():
    volume, lungs = chest()
    lungs[25:36, 20:41, 80:94] = 0
    assert place_of(volume, lungs, nodule(30, 30, 88)).laterality == "left"


@pytest.mark.parametrize(("slice_index", "zone"), [(14, "lower"), (30, "middle"), (45, "upper")])
def test_the_zone_is_the_third_of_that_lungs_height(slice_index, zone):
    volume, lungs = chest()
    assert place_of(volume, lungs, nodule(slice_index, 30, 25)).zone == zone


def test_the_zone_counts_from_the_apex_when_slices_go_to_the_feet():
    volume, lungs = chest(flipped=True)
    assert place_of(volume, lungs, nodule(14, 30, 25)).zone == "upper"


def test_each_lung_has_a_height_of_its_own():
    volume, lungs = chest()
    lungs[30:50, :, 50:] = 0
    assert place_of(volume, lungs, nodule(26, 30, 75)).zone == "upper"
    assert place_of(volume, lungs, nodule(26, 30, 25)).zone == "middle"


@pytest.mark.parametrize(("row", "touches"), [(49, True), (48, True), (45, False), (30, False)])
def test_a_nodule_within_one_and_a_half_millimetres_of_the_boundary_is_juxtapleural(row, touches):
    volume, lungs = chest()
    assert place_of(volume, lungs, nodule(30, row, 25)).juxtapleural is touches


def test_a_hole_that_the_nodule_left_in_the_mask_is_no_pleura():
    volume, lungs = chest()
    lungs[27:34, 26:35, 21:30] = 0
    assert place_of(volume, lungs, nodule(30, 30, 25)).juxtapleural is False


def test_a_nodule_reaching_out_of_the_mask_is_juxtapleural():
    volume, lungs = chest()
    assert place_of(volume, lungs, nodule(30, 52, 25)).juxtapleural is True


def test_without_lungs_nothing_is_said():
    volume, _ = chest()
    place = place_of(volume, np.zeros(SHAPE, np.uint8), nodule(30, 30, 25))
    assert (place.laterality, place.zone, place.lobe, place.juxtapleural) == (None, None, None, None)


def test_known_heights_give_the_same_place():
    volume, lungs = chest()
    mask = nodule(44, 30, 75)
    assert place_of(volume, lungs, mask, heights=LungHeights.of(lungs)) == place_of(volume, lungs, mask)
