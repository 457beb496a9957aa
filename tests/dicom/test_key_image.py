import io

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from firstread.dicom.key_image import key_images
from firstread.findings import NOTICE
from tests.dicom.read_samples import (
    CREATED,
    REVERSED,
    SERIES,
    STUDY,
    TILTED,
    enhanced_volume,
    real_volume,
    result_of,
    volume_of,
)
from tests.dicom.validators import dciodvfy_errors, validator_errors, written


@pytest.fixture(scope="module")
def volume():
    return volume_of()


@pytest.fixture(scope="module")
def keys(volume):
    return key_images(result_of(volume), volume, created=CREATED)


def test_every_finding_has_one_named_after_it(keys):
    assert [key.stem for key in keys] == ["key-N1", "key-N2", "key-N3"]
    assert [key.dataset.InstanceNumber for key in keys] == [1, 2, 3]
    assert len({key.dataset.SeriesInstanceUID for key in keys}) == 1
    assert len({key.dataset.SOPInstanceUID for key in keys}) == 3


def test_only_the_findings_asked_for_are_shown(volume):
    result = result_of(volume)

    shown = key_images(result, volume, created=CREATED, findings=result.findings[1:2])

    assert [key.finding_id for key in shown] == ["N2"]


def test_png_and_secondary_capture_are_the_same_picture(keys):
    for key in keys:
        picture = Image.open(io.BytesIO(key.png))
        assert picture.format == "PNG"
        assert picture.size == (1024, 736)
        assert np.array_equal(np.asarray(picture), key.dataset.pixel_array)


def test_the_capture_says_what_it_is(keys):
    capture = keys[0].dataset

    assert list(capture.ImageType) == ["DERIVED", "SECONDARY"]
    assert (capture.BurnedInAnnotation, capture.ConversionType, capture.Modality) == ("YES", "WSD", "OT")
    assert NOTICE in capture.SeriesDescription
    assert capture.ImageComments == NOTICE
    assert (capture.StudyInstanceUID, capture.PatientID) == (STUDY, "P-0815")


def test_the_capture_refers_to_the_image_that_it_shows(keys):
    sources = [key.dataset.SourceImageSequence[0].ReferencedSOPInstanceUID for key in keys]

    assert sources == [f"{SERIES}.25", f"{SERIES}.13", f"{SERIES}.21"]


def test_the_capture_refers_to_the_frame_of_an_enhanced_ct():
    volume = enhanced_volume()
    result = result_of(volume)
    capture = key_images(result, volume, created=CREATED)[0].dataset

    assert capture.SourceImageSequence[0].ReferencedFrameNumber == result.findings[0].frame_number


def test_dciodvfy_and_dicom_validator_find_no_error(keys, tmp_path, debian_tool):
    path = written(keys[0].dataset, tmp_path)

    assert dciodvfy_errors(path, debian_tool("dciodvfy")) == []
    assert validator_errors(path) == []


@pytest.mark.parametrize("steps", [TILTED, REVERSED], ids=["tilted", "reversed"])
def test_other_geometries_are_drawn_too(steps):
    volume = volume_of(steps)

    assert len(key_images(result_of(volume), volume, created=CREATED)) == 3


def test_the_same_read_gives_the_same_files(volume, keys, tmp_path):
    again = key_images(result_of(volume), volume, created=CREATED)

    for one, two in zip(keys, again, strict=True):
        assert one.png == two.png
        assert one.dataset.SOPInstanceUID == two.dataset.SOPInstanceUID


def test_real_headers_give_a_valid_capture(shared_ct, tmp_path, debian_tool):
    volume = real_volume(shared_ct / "lidc-0002")
    key = key_images(result_of(volume), volume, created=CREATED)[0]
    path = written(key.dataset, tmp_path)

    assert dciodvfy_errors(path, debian_tool("dciodvfy")) == []
    assert validator_errors(path) == []
    assert dcmread(path).PatientID == "LIDC-IDRI-0002"
