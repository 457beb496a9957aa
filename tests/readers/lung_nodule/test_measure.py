"""Diameters, axes and volume of masks whose size is known."""

import numpy as np
import pytest

from firstread.dicom.geometry import Geometry
from firstread.dicom.volume import SourceSlice, Volume
from firstread.findings import Mask
from firstread.readers.lung_nodule.measure import measure_mask


def volume_of(shape, *, hu=None, spacing=(1.0, 1.0, 1.0), origin=(0, 0, 0), affine=None):
    geometry = Geometry.from_axes(
        shape=shape,
        origin_lps_mm=origin,
        slice_step_mm=(0, 0, spacing[0]),
        row_step_mm=(0, spacing[1], 0),
        column_step_mm=(spacing[2], 0, 0),
    )
    if affine is not None:
        geometry = Geometry(shape=shape, affine=affine)
    values = np.zeros(shape, np.int16) if hu is None else np.asarray(hu, np.int16)
    sources = tuple(SourceSlice(f"1.2.{k}", None, float(k)) for k in range(shape[0]))
    return Volume(hu=values, geometry=geometry, sources=sources, headers=())


def ellipsoid(shape, *, center, radii, spacing, turn=0.0):
    k, j, i = np.indices(shape)
    z, y, x = ((n - c) * s for n, c, s in zip((k, j, i), center, spacing, strict=True))
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    return (z / radii[0]) ** 2 + (v / radii[1]) ** 2 + (u / radii[2]) ** 2 <= 1


def distance(points):
    return float(np.linalg.norm(np.subtract(*points)))


@pytest.mark.parametrize("diameter", [4.0, 6.3, 10.0, 21.7, 38.0])
@pytest.mark.parametrize("pixel", [0.6, 0.8])
def test_a_digital_sphere_measures_its_diameter_within_half_a_pixel(diameter, pixel):
    spacing = (1.0, pixel, pixel)
    size = int(diameter / pixel) + 8
    shape = (int(diameter) + 8, size, size)
    center = (shape[0] // 2, size / 2 + 0.2, size / 2 - 0.3)
    voxels = ellipsoid(shape, center=center, radii=(diameter / 2,) * 3, spacing=spacing)
    # No contrast: the voxels alone say where the edge is.
    measured = measure_mask(volume_of(shape, spacing=spacing), Mask.crop(voxels))
    assert measured.diameter_mm.mean == pytest.approx(diameter, abs=0.5 * pixel)
    assert measured.diameter_mm.short <= measured.diameter_mm.long
    assert measured.slice_index == center[0]
    assert measured.volume_mm3 == pytest.approx(voxels.sum() * pixel**2, rel=1e-3)


@pytest.mark.parametrize("turn", [0.0, 0.4, 1.2, 2.5])
def test_the_axes_of_an_ellipse_are_found_in_any_direction(turn):
    spacing, shape = (1.0, 0.7, 0.7), (3, 60, 60)
    voxels = ellipsoid(shape, center=(1, 30, 30), radii=(1.2, 5, 12), spacing=spacing, turn=turn)
    measured = measure_mask(volume_of(shape, spacing=spacing), Mask.crop(voxels))
    assert measured.diameter_mm.long == pytest.approx(24, abs=0.7)
    assert measured.diameter_mm.short == pytest.approx(10, abs=0.7)
    axis = np.subtract(*measured.axes_lps_mm.long)
    assert abs(axis @ (np.cos(turn), np.sin(turn), 0)) / np.linalg.norm(axis) > 0.99


def test_the_axes_are_perpendicular_and_as_long_as_the_diameters_say():
    rng = np.random.default_rng(3)
    blob = np.zeros((1, 40, 40), bool)
    for y, x in rng.integers(12, 28, (5, 2)):
        blob[0, y - 5 : y + 6, x - 3 : x + 7] = True
    measured = measure_mask(volume_of(blob.shape, spacing=(2.0, 0.7, 0.7)), Mask.crop(blob))
    axes = measured.axes_lps_mm
    assert distance(axes.long) == pytest.approx(measured.diameter_mm.long, abs=0.06)
    assert distance(axes.short) == pytest.approx(measured.diameter_mm.short, abs=0.06)
    assert np.subtract(*axes.long) @ np.subtract(*axes.short) == pytest.approx(0, abs=0.5)


def test_the_slice_of_largest_area_is_the_one_measured():
    voxels = np.zeros((4, 20, 20), bool)
    voxels[1, 5:8, 2:18] = True  # longer, but smaller
    voxels[2, 5:14, 5:14] = True
    measured = measure_mask(volume_of(voxels.shape, origin=(0, 0, -50)), Mask.crop(voxels))
    assert measured.slice_index == 2
    assert measured.axes_lps_mm.long[0][2] == -48


def test_positions_are_patient_positions_on_a_tilted_and_flipped_grid():
    affine = np.eye(4)
    affine[:3, 0] = (0, 0.6, -1.9)  # tilted gantry, slices towards the feet
    affine[:3, 1] = (0, 0.7, 0)
    affine[:3, 2] = (-0.7, 0, 0)  # columns towards the patient's right
    affine[:3, 3] = (100, -20, 40)
    voxels = np.zeros((5, 30, 30), bool)
    voxels[2, 10:20, 12:22] = True
    volume = volume_of(voxels.shape, affine=affine)
    measured = measure_mask(volume, Mask.crop(voxels))
    assert measured.center_lps_mm == pytest.approx(volume.geometry.to_lps((2, 14.5, 16.5)), abs=0.01)
    assert measured.size_mm == pytest.approx((7.0, 7.6, 1.9), abs=0.05)
    assert measured.diameter_mm.long == pytest.approx(7 * 2**0.5, abs=0.8)


def test_partial_volume_at_the_edge_is_counted_by_its_share():
    # A cube of 8 voxels' width between voxel borders, one face half a voxel further.
    hu = np.full((16, 16, 16), -860.0)
    hu[4:12, 4:12, 4:12] = 40
    hu[12, 4:12, 4:12] = -455  # 45 % nodule: outside the mask, and yet there
    mask = Mask.crop(hu > -430)
    measured = measure_mask(volume_of(hu.shape, hu=hu), mask)
    assert mask.voxels.sum() == 512
    assert measured.volume_mm3 == pytest.approx(512 + 0.45 * 64, rel=0.01)


def test_what_was_cut_off_on_purpose_does_not_count():
    hu = np.full((16, 16, 40), -860.0)
    hu[4:12, 4:12, 4:12] = 40
    hu[6:10, 6:10, 12:] = 40  # a vessel that the mask leaves out
    voxels = np.zeros(hu.shape, bool)
    voxels[4:12, 4:12, 4:12] = True
    measured = measure_mask(volume_of(hu.shape, hu=hu), Mask.crop(voxels))
    assert measured.volume_mm3 == pytest.approx(512, rel=0.01)


def test_a_single_voxel_has_a_size():
    voxels = np.zeros((3, 5, 5), bool)
    voxels[1, 2, 2] = True
    measured = measure_mask(volume_of(voxels.shape), Mask.crop(voxels))
    assert measured.diameter_mm.long == 1.0
    assert measured.size_mm == (1.0, 1.0, 1.0)


def test_a_nodule_at_the_border_of_the_volume_is_measured():
    voxels = np.zeros((4, 12, 12), bool)
    voxels[0:2, 0:6, 0:6] = True
    measured = measure_mask(volume_of(voxels.shape), Mask.crop(voxels))
    assert measured.size_mm == (6.0, 6.0, 2.0)
    assert measured.volume_mm3 == 72


def test_an_empty_mask_has_no_size():
    with pytest.raises(ValueError, match="empty"):
        measure_mask(volume_of((3, 3, 3)), Mask.crop(np.zeros((3, 3, 3), bool)))
