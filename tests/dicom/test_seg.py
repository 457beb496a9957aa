import highdicom as hd
import numpy as np
import pytest
from pydicom import dcmread

from firstread.dicom.derived_object import save
from firstread.dicom.seg import build_seg, segment_numbers
from firstread.findings import NOTICE, Mask
from tests.dicom.read_samples import (
    CREATED,
    FRAME,
    REVERSED,
    SERIES,
    SHAPE,
    STUDY,
    TILTED,
    enhanced_volume,
    real_volume,
    result_of,
    volume_of,
)
from tests.dicom.validators import dciodvfy_errors, validator_errors, written

SERIES_KINDS = {
    "plain": volume_of,
    "tilted": lambda: volume_of(TILTED),
    "reversed": lambda: volume_of(REVERSED),
    "enhanced": enhanced_volume,
    "interpolated": lambda: volume_of(missing=(12, 24)),
}


@pytest.fixture(params=SERIES_KINDS)
def volume(request):
    return SERIES_KINDS[request.param]()


def frames_of(seg, tracking_uid):
    """Each frame of a segment: its functional groups and its pixels."""
    number = segment_numbers(seg)[tracking_uid]
    pixels = seg.pixel_array
    for index, groups in enumerate(seg.PerFrameFunctionalGroupsSequence):
        if groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber == number:
            yield groups, pixels[index] > 0


def points_lps(seg, tracking_uid):
    """Voxel centres of a segment in the patient, from what the file says alone (PS3.3 C.7.6.2.1.1)."""
    shared = seg.SharedFunctionalGroupsSequence[0]
    along = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    row_mm, column_mm = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    points = []
    for groups, pixels in frames_of(seg, tracking_uid):
        first = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        rows, columns = np.nonzero(pixels)
        points.append(first + columns[:, None] * column_mm * along[:3] + rows[:, None] * row_mm * along[3:])
    return np.concatenate(points)


def test_lies_where_the_result_says_in_patient_millimetres(volume, tmp_path):
    result = result_of(volume)
    seg = dcmread(written(build_seg(result, volume, created=CREATED), tmp_path))

    for finding in result.findings:
        found = volume.geometry.to_index(points_lps(seg, finding.tracking_uid).mean(axis=0))
        wanted = volume.geometry.to_index(finding.center_lps_mm)
        assert np.abs(found - wanted).max() < 0.5


def test_frames_are_the_slices_of_the_mask_at_the_source_images_positions(volume, tmp_path):
    result = result_of(volume)
    seg = dcmread(written(build_seg(result, volume, created=CREATED), tmp_path))
    slice_of = {(s.sop_instance_uid, s.frame_number): s.index for s in volume.sources}

    for finding in result.findings:
        whole = finding.mask.paste(SHAPE)
        stored = {int(s.index) for s in volume.sources}
        expected = {k for k in range(SHAPE[0]) if whole[k].any() and k in stored}
        seen = set()
        for groups, pixels in frames_of(seg, finding.tracking_uid):
            source = groups.DerivationImageSequence[0].SourceImageSequence[0]
            frame = source.get("ReferencedFrameNumber")
            k = int(slice_of[source.ReferencedSOPInstanceUID, None if frame is None else int(frame)])
            assert np.array_equal(pixels, whole[k])
            position = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
            assert position == pytest.approx(volume.geometry.to_lps((k, 0, 0)), abs=1e-6)
            seen.add(k)
        assert seen == expected


def test_no_frame_is_empty(volume):
    seg = build_seg(result_of(volume), volume, created=CREATED)

    assert all(frame.any() for frame in seg.pixel_array)


def test_frames_of_an_enhanced_ct_are_referred_to_by_number():
    volume = enhanced_volume()
    result = result_of(volume)
    seg = build_seg(result, volume, created=CREATED)

    numbers = [
        groups.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber
        for groups, _ in frames_of(seg, result.findings[0].tracking_uid)
    ]
    # Slices 22 to 26 counted from the feet; the file counts from the head.
    assert numbers == [SHAPE[0] - k for k in range(22, 27)]
    (series,) = seg.ReferencedSeriesSequence
    assert [item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence] == [f"{SERIES}.1"]


def test_a_nodule_on_interpolated_slices_alone_is_drawn_on_the_nearest_image():
    volume = volume_of(missing=tuple(range(18, 23)))
    result = result_of(volume)
    seg = build_seg(result, volume, created=CREATED)

    ((groups, pixels),) = frames_of(seg, result.findings[2].tracking_uid)
    source = groups.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
    assert source in {f"{SERIES}.18", f"{SERIES}.24"}
    assert np.array_equal(pixels, result.findings[2].mask.paste(SHAPE).any(axis=0))


def test_says_what_each_segment_is_and_who_drew_it(tmp_path):
    volume = volume_of()
    result = result_of(volume)
    path = written(build_seg(result, volume, created=CREATED), tmp_path)
    seg = hd.seg.segread(path)

    assert [seg.get_segment_description(n).segment_label for n in seg.segment_numbers] == [
        "right lung",
        "left lung",
        "N1 Nodule 14.8 mm",
        "N2 Mass 19.6 mm",
        "N3 Nodule 11.2 mm",
    ]
    lung, nodule = seg.get_segment_description(1), seg.get_segment_description(3)
    assert lung.segmented_property_category.meaning == "Anatomical Structure"
    assert lung.segmented_property_type.value == "39607008"
    (side,) = lung.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence
    assert side.CodeMeaning == "Right"
    assert nodule.segmented_property_category.value == "49755003"
    assert nodule.segmented_property_type.value == "27925004"
    assert nodule.tracking_uid == result.findings[0].tracking_uid
    assert nodule.algorithm_identification[0].AlgorithmParameters == "sha256=" + "b" * 64
    assert seg.SegmentsOverlap == "YES"
    assert NOTICE in seg.SeriesDescription


def test_highdicom_finds_the_mask_by_source_image(tmp_path):
    volume = volume_of()
    result = result_of(volume)
    seg = hd.seg.segread(written(build_seg(result, volume, created=CREATED), tmp_path))
    uids = [source.sop_instance_uid for source in volume.sources]

    pixels = seg.get_pixels_by_source_instance(
        uids, segment_numbers=[3], assert_missing_frames_are_empty=True
    )

    assert np.array_equal(pixels[..., 0] > 0, result.findings[0].mask.paste(SHAPE))


def test_stays_in_the_patients_study_as_a_new_series():
    volume = volume_of()
    seg = build_seg(result_of(volume), volume, created=CREATED)

    assert (seg.StudyInstanceUID, seg.FrameOfReferenceUID) == (STUDY, FRAME)
    assert seg.SeriesInstanceUID != SERIES
    assert (seg.PatientID, str(seg.PatientName)) == ("P-0815", "Sample^Søren")
    assert (seg.Rows, seg.Columns) == SHAPE[1:]


def test_a_read_without_masks_has_no_segmentation(result):
    assert build_seg(result, volume_of(), created=CREATED) is None


def test_an_empty_mask_gets_no_segment():
    volume = volume_of()
    result = result_of(volume)
    empty = result.findings[0].model_copy(update={"mask": Mask.crop(np.zeros(SHAPE, bool))})
    seg = build_seg(result.model_copy(update={"findings": (empty,)}), volume, created=CREATED)

    assert empty.tracking_uid not in segment_numbers(seg)


def test_a_volume_that_was_turned_is_refused():
    turned = volume_of()
    object.__setattr__(turned, "geometry", volume_of(REVERSED).geometry)

    with pytest.raises(ValueError, match="rows and columns"):
        build_seg(result_of(volume_of()), turned, created=CREATED)


def test_deflated_is_the_same_in_less_room(tmp_path):
    volume = volume_of()
    result = result_of(volume)
    plain = build_seg(result, volume, created=CREATED)
    small = build_seg(result, volume, created=CREATED, deflated=True)
    save(plain, tmp_path / "plain.dcm")
    save(small, tmp_path / "small.dcm")

    assert dcmread(tmp_path / "small.dcm").PixelData == plain.PixelData
    assert (tmp_path / "small.dcm").stat().st_size < (tmp_path / "plain.dcm").stat().st_size / 3


def test_dciodvfy_finds_no_error(volume, tmp_path, debian_tool):
    path = written(build_seg(result_of(volume), volume, created=CREATED), tmp_path)

    assert dciodvfy_errors(path, debian_tool("dciodvfy")) == []


def test_dicom_validator_finds_no_error(volume, tmp_path):
    path = written(build_seg(result_of(volume), volume, created=CREATED), tmp_path)

    assert validator_errors(path) == []


def test_dicom_validator_would_find_what_is_missing(tmp_path):
    volume = volume_of()
    seg = build_seg(result_of(volume), volume, created=CREATED)
    del seg.SegmentSequence[1].SegmentAlgorithmType
    del seg.PerFrameFunctionalGroupsSequence[0].SegmentIdentificationSequence[0].ReferencedSegmentNumber

    told = " ".join(validator_errors(written(seg, tmp_path)))
    assert "(0062,0008) TagMissing" in told
    assert "(0062,000B) TagMissing" in told


def test_real_headers_give_a_valid_segmentation(shared_ct, tmp_path, debian_tool):
    volume = real_volume(shared_ct / "lidc-0002")
    result = result_of(volume)
    path = written(build_seg(result, volume, created=CREATED), tmp_path)

    assert dciodvfy_errors(path, debian_tool("dciodvfy")) == []
    assert validator_errors(path) == []
    seg = dcmread(path)
    # 32 KiB a frame: two lungs of 33 slices and three nodules.
    assert path.stat().st_size < seg.NumberOfFrames * 512 * 512 / 8 + 500_000
    for finding in result.findings:
        found = volume.geometry.to_index(points_lps(seg, finding.tracking_uid).mean(axis=0))
        assert np.abs(found - volume.geometry.to_index(finding.center_lps_mm)).max() < 0.5
