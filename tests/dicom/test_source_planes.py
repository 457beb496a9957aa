from dataclasses import replace

import pytest

from firstread.dicom.source_planes import orientation, source_planes
from tests.dicom.read_samples import SERIES, SHAPE, TILTED, enhanced_volume, volume_of


def test_positions_are_spelled_as_in_the_source():
    volume = volume_of()
    volume.headers[3].ImagePositionPatient = ["-90.000", "-96.0", "-1.380E+02"]

    assert source_planes(volume)[3].position == ("-90.000", "-96.0", "-1.380E+02")


def test_frames_of_an_enhanced_ct_have_their_own_positions():
    planes = source_planes(enhanced_volume())

    assert {plane.sop_instance_uid for plane in planes} == {f"{SERIES}.1"}
    assert [plane.frame_number for plane in planes] == list(range(SHAPE[0], 0, -1))
    assert [float(plane.position[2]) for plane in planes] == [-150.0 + 4 * k for k in range(SHAPE[0])]


def test_an_image_between_two_slices_belongs_to_the_nearer():
    volume = volume_of()
    shifted = tuple(replace(source, index=source.index + 0.3) for source in volume.sources)

    planes = source_planes(replace(volume, sources=shifted))

    assert [plane.grid_slice for plane in planes] == list(range(SHAPE[0]))


def test_without_a_position_the_geometry_tells_it():
    volume = volume_of(TILTED)
    del volume.headers[10].ImagePositionPatient

    position = [float(one) for one in source_planes(volume)[10].position]

    assert position == pytest.approx(volume.geometry.to_lps((10, 0, 0)))


def test_without_an_orientation_the_geometry_tells_it():
    volume = volume_of()
    for header in volume.headers:
        del header.ImageOrientationPatient

    assert [float(one) for one in orientation(volume)] == [1, 0, 0, 0, 1, 0]


def test_another_matrix_than_the_stored_one_is_refused():
    volume = volume_of()
    volume.header.Rows = 512

    with pytest.raises(ValueError, match="matrix"):
        source_planes(volume)
