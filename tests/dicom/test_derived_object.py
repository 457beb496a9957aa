import highdicom as hd
import pytest
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from firstread.dicom.key_image import key_images
from firstread.dicom.seg import build_seg
from firstread.dicom.sr import build_sr
from tests.dicom.read_samples import CREATED, STUDY, enhanced_volume, result_of, volume_of
from tests.dicom.validators import written


def objects_of(result, volume):
    seg = build_seg(result, volume, created=CREATED)
    keys = key_images(result, volume, created=CREATED, findings=result.findings[:1])
    return [seg, build_sr(result, volume, seg=seg, created=CREATED), keys[0].dataset]


def damage(header, keyword, value, vr):
    tag = Tag(keyword)
    header._dict[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True, True)


DAMAGED = {
    "long name": ("PatientName", b"x" * 500, "PN"),
    "name in no character set": ("PatientName", b"\xff\xfe\x81", "PN"),
    "birth date in words": ("PatientBirthDate", b"unknown ", "DA"),
    "long patient id": ("PatientID", b"7" * 100, "LO"),
    "unknown character set": ("SpecificCharacterSet", b"KLINGON ", "CS"),
    "thickness in words": ("SliceThickness", b"thin", "DS"),
    "odd station": ("StationName", b"a very long name for a station", "SH"),
    "position in words": ("ImagePositionPatient", b"left\\of\\centre", "DS"),
    "no class": ("SOPClassUID", b"", "UI"),
    "short weight": ("PatientWeight", b"heavy ", "DS"),
    "study time in words": ("StudyTime", b"noon", "TM"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_header_value_stops_no_result(kind, tmp_path):
    volume = volume_of()
    result = result_of(volume)
    keyword, value, vr = DAMAGED[kind]
    for header in volume.headers:
        damage(header, keyword, value, vr)

    for one in objects_of(result, volume):
        assert dcmread(written(one, tmp_path)).StudyInstanceUID == STUDY


@pytest.mark.parametrize("keyword", ["PatientName", "PatientID", "StudyTime", "AccessionNumber"])
def test_what_the_source_does_not_say_is_there_and_empty(keyword):
    volume = volume_of()
    result = result_of(volume)
    for header in volume.headers:
        delattr(header, keyword)

    for one in objects_of(result, volume):
        assert keyword in one
        assert not one[keyword].value


def test_a_chinese_name_survives(tmp_path):
    volume = volume_of()
    for header in volume.headers:
        header.SpecificCharacterSet = "GB18030"
        header.PatientName = "Wang^XiaoDong=王^小东"

    for one in objects_of(result_of(volume), volume):
        name = dcmread(written(one, tmp_path)).PatientName
        assert str(name.ideographic) == "王^小东"


def test_a_series_without_a_frame_of_reference_gets_one_for_all_objects():
    volume = volume_of()
    result = result_of(volume).model_copy(update={"frame_of_reference_uid": None})
    for header in volume.headers:
        del header.FrameOfReferenceUID

    seg = build_seg(result, volume, created=CREATED)
    sr = build_sr(result, volume, seg=None, created=CREATED)
    (group, *_) = hd.sr.Comprehensive3DSR.from_dataset(sr).content.get_volumetric_roi_measurement_groups()
    assert group.roi.frame_of_reference_uid == seg.FrameOfReferenceUID


def test_every_object_is_a_series_of_its_own_in_the_study():
    volume = enhanced_volume()
    made = objects_of(result_of(volume), volume)

    assert {one.StudyInstanceUID for one in made} == {STUDY}
    assert len({one.SeriesInstanceUID for one in made} | {volume.header.SeriesInstanceUID}) == 4
