import numpy as np
import pytest

from firstread.dicom.geometry import Geometry
from firstread.findings import Mask
from firstread.readers.lung_nodule.surface import extent, surface_of


def ball(radius_mm=40.0, spacing=(2.5, 0.8, 0.8)):
    shape = tuple(int(120 / s) for s in spacing)
    geometry = Geometry.from_axes(
        shape=shape,
        origin_lps_mm=(-60, -60, -60),
        slice_step_mm=(0, 0, spacing[0]),
        row_step_mm=(0, spacing[1], 0),
        column_step_mm=(spacing[2], 0, 0),
    )
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    return Mask.crop(np.linalg.norm(geometry.to_lps(grid), axis=-1) <= radius_mm), geometry


def test_points_lie_on_the_surface_to_a_fraction_of_a_millimetre():
    surface = surface_of(*ball())
    radii = np.linalg.norm(surface.points, axis=1)
    assert abs(radii.mean() - 40) < 0.5
    assert radii.std() < 0.5


def test_normals_point_outwards():
    surface = surface_of(*ball())
    outward = surface.points / np.linalg.norm(surface.points, axis=1, keepdims=True)
    assert ((surface.normals * outward).sum(1) > 0.95).all()


def test_thinning_keeps_the_same_points_each_time():
    surface = surface_of(*ball())
    once, again = surface.thinned(200), surface.thinned(200)
    assert len(once.points) == 200
    assert np.array_equal(once.points, again.points)
    assert surface.thinned(10**6) is surface


def test_an_empty_mask_has_no_surface_and_no_extent():
    mask = Mask(voxels=np.zeros((0, 0, 0), bool), offset=(0, 0, 0))
    geometry = ball()[1]
    assert len(surface_of(mask, geometry).points) == 0
    with pytest.raises(ValueError, match="empty"):
        extent(mask, geometry)


def test_the_extent_is_the_box_of_whole_voxels():
    geometry = Geometry.from_axes(
        shape=(10, 10, 10),
        origin_lps_mm=(100, 0, -50),
        slice_step_mm=(0, 0, 2),
        row_step_mm=(0, 1, 0),
        column_step_mm=(-0.5, 0, 0),
    )
    mask = Mask(voxels=np.ones((2, 3, 4), bool), offset=(1, 2, 3))
    center, size = extent(mask, geometry)
    assert size == pytest.approx((2.0, 3.0, 4.0))
    assert center == pytest.approx((100 - 0.5 * 4.5, 3.0, -50 + 2 * 1.5))
