import subprocess
from datetime import timedelta

import highdicom as hd
import numpy as np
import pytest
from pydicom import dcmread

from firstread.dicom.seg import build_seg, segment_numbers
from firstread.dicom.sr import build_sr
from firstread.findings import NOTICE, Axes
from firstread.findings.concepts import LONG_AXIS, SHORT_AXIS, VOLUME
from tests.dicom.read_samples import (
    CREATED,
    FRAME,
    ROOT,
    SERIES,
    STUDY,
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
def result(volume):
    return result_of(volume)


@pytest.fixture(scope="module")
def seg(result, volume):
    return build_seg(result, volume, created=CREATED)


@pytest.fixture(scope="module")
def path(result, volume, seg, tmp_path_factory):
    return written(build_sr(result, volume, seg=seg, created=CREATED), tmp_path_factory.mktemp("sr"))


@pytest.fixture(scope="module")
def report(path):
    """The report as highdicom reads it back."""
    return hd.sr.srread(path).content


def nodule(report, tracking_uid):
    (group,) = report.get_volumetric_roi_measurement_groups(tracking_uid=tracking_uid)
    return group


def answers(group):
    return {one.name.meaning: one.value for one in group.get_qualitative_evaluations()}


def numbers(group):
    return {one.name.meaning: (one.value, one.unit.value) for one in group.get_measurements()}


def texts(group):
    return [item.value for item in group[0].ContentSequence if item.ValueType == "TEXT"]


def test_is_a_preliminary_unverified_report_of_the_same_study(path):
    sr = dcmread(path)

    assert sr.SOPClassUID.name == "Comprehensive 3D SR Storage"
    assert (sr.CompletionFlag, sr.VerificationFlag, sr.PreliminaryFlag) == (
        "COMPLETE",
        "UNVERIFIED",
        "PRELIMINARY",
    )
    assert (sr.StudyInstanceUID, sr.PatientID, sr.AccessionNumber) == (STUDY, "P-0815", "A-17")
    assert sr.SeriesInstanceUID != SERIES
    assert sr.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert (sr.ContentDate, sr.ContentTime) == ("20240518", "093015")


def test_says_that_it_is_ai_and_not_verified_in_description_and_content(path, report):
    (study,) = report.get_image_measurement_groups()

    assert NOTICE in dcmread(path).SeriesDescription
    assert NOTICE in texts(study)


def test_measurements_are_the_findings_in_ucum_units(result, report):
    finding = result.findings[0]
    group = nodule(report, finding.tracking_uid)

    assert group.tracking_identifier == "N1"
    assert group.finding_type.value == "27925004"
    assert numbers(group) == {
        LONG_AXIS.meaning: (finding.diameter_mm.long, "mm"),
        SHORT_AXIS.meaning: (finding.diameter_mm.short, "mm"),
        "Diameter": (finding.diameter_mm.mean, "mm"),
        VOLUME.meaning: (pytest.approx(finding.volume_mm3, abs=1e-3), "mm3"),
        "Certainty of Finding": (90.0, "%"),
        "Mean Attenuation Coefficient": (-41.5, "[hnsf'U]"),
    }
    (mean,) = (one for one in group.get_measurements() if one.name.meaning == "Diameter")
    assert mean.derivation.meaning == "Mean"


def test_the_solid_part_is_measured_where_there_is_one(result, report):
    part_solid, solid = (numbers(nodule(report, result.findings[n].tracking_uid)) for n in (1, 0))

    assert part_solid["Mean diameter of solid component"] == (8.5, "mm")
    assert not [name for name in solid if "solid component" in name]


def test_category_attenuation_and_change_are_coded(result, report):
    group = nodule(report, result.findings[1].tracking_uid)

    told = answers(group)
    assert told["Lung-RADS assessment"].value == "RID50140"
    assert told["Lung-RADS assessment"].meaning == "Lung-RADS 4B"
    assert told["Nodule attenuation"].value == "RID50152"
    assert told["Comparison to previous studies"].value == "15454001"
    assert told["Fleischner Society recommendation"].scheme_designator == "99FIRSTREAD"
    assert numbers(group)["Volume doubling time"] == (210.0, "d")
    assert group.finding_type.meaning == "Mass"


def test_the_site_has_side_and_zone(result, report):
    organ, zone = nodule(report, result.findings[2].tracking_uid).finding_sites

    assert (organ.value.meaning, organ.laterality.meaning) == ("Lung", "Right")
    assert organ.topographical_modifier.meaning == "Subpleural"
    assert (zone.value.meaning, zone.laterality.meaning) == ("Middle zone of lung", "Right")


def test_a_known_lobe_is_the_site(result, volume):
    lobar = result.findings[0].model_copy(update={"lobe": "right upper"})
    sr = build_sr(result.model_copy(update={"findings": (lobar,)}), volume, seg=None, created=CREATED)
    site = nodule(hd.sr.Comprehensive3DSR.from_dataset(sr).content, lobar.tracking_uid).finding_sites[0]

    assert (site.value.value, site.laterality.meaning) == ("45653009", "Right")


def test_a_nodule_refers_to_its_segment_and_source_images(result, report, seg):
    for finding in result.findings:
        region = nodule(report, finding.tracking_uid).referenced_segment

        assert region.referenced_sop_instance_uid == seg.SOPInstanceUID
        number = region.referenced_segment_numbers
        assert list(np.atleast_1d(number)) == [segment_numbers(seg)[finding.tracking_uid]]
        shown = {i.referenced_sop_instance_uid for i in region.source_images_for_segmentation}
        assert finding.sop_instance_uid in shown


def test_the_axes_are_lines_on_the_image_on_which_they_were_measured(result, volume, report):
    finding = result.findings[0]
    index = volume.geometry.to_index((finding.center_lps_mm,))[0]
    slice_ = next(s for s in volume.sources if s.sop_instance_uid == finding.sop_instance_uid).index
    ends = volume.geometry.to_lps(((slice_, index[1], index[2] - 3), (slice_, index[1], index[2] + 3)))
    long = tuple(tuple(map(float, end)) for end in ends)
    drawn = finding.model_copy(update={"axes_lps_mm": Axes(long=long, short=long)})
    sr = build_sr(result.model_copy(update={"findings": (drawn,)}), volume, seg=None, created=CREATED)
    group = nodule(hd.sr.Comprehensive3DSR.from_dataset(sr).content, finding.tracking_uid)
    lines = [item for item in group[0].ContentSequence if item.ValueType == "SCOORD"]

    assert [item.name.meaning for item in lines] == [LONG_AXIS.meaning, SHORT_AXIS.meaning]
    for item in lines:
        (image,) = item.ContentSequence
        assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == finding.sop_instance_uid
        assert np.allclose(np.diff(item.value, axis=0), [[6, 0]], atol=1e-3)
        # PS3.3 C.18.6.1.2: the centre of the first pixel is at 0.5, 0.5.
        assert np.allclose(np.mean(item.value, axis=0), index[[2, 1]] + 0.5, atol=1e-3)
    assert np.allclose(numbers(group)[LONG_AXIS.meaning][0], finding.diameter_mm.long)


def test_without_a_segmentation_a_nodule_is_an_ellipsoid_at_its_centre(result, volume):
    sr = build_sr(result, volume, seg=None, created=CREATED)
    finding = result.findings[0]
    surface = nodule(hd.sr.Comprehensive3DSR.from_dataset(sr).content, finding.tracking_uid).roi

    assert surface.graphic_type.value == "ELLIPSOID"
    assert surface.frame_of_reference_uid == FRAME
    points = np.asarray(surface.graphic_data).reshape(6, 3)
    assert points.mean(axis=0) == pytest.approx(finding.center_lps_mm, abs=1e-3)
    assert np.ptp(points, axis=0) == pytest.approx(finding.size_mm, abs=1e-3)


def test_frames_of_an_enhanced_ct_are_referred_to_by_number():
    volume = enhanced_volume()
    result = result_of(volume)
    seg = build_seg(result, volume, created=CREATED)
    sr = build_sr(result, volume, seg=seg, created=CREATED)
    group = nodule(hd.sr.Comprehensive3DSR.from_dataset(sr).content, result.findings[0].tracking_uid)

    (image,) = group.referenced_segment.source_images_for_segmentation
    assert result.findings[0].frame_number in image.referenced_frame_numbers


def test_algorithms_are_named_with_version_and_digest(path, result, report):
    sr = dcmread(path)
    said = texts(nodule(report, result.findings[0].tracking_uid))

    assert "lung_nodule_detector 1.2.0 sha256=" + "b" * 64 in said
    names = [item.ManufacturerModelName for item in sr.ContributingEquipmentSequence]
    assert names == ["Helix 16", "lung_segmenter", "lung_nodule_detector"]


def test_a_new_model_is_a_new_device(result, volume):
    other = result.models[1].model_copy(update={"digest": "c" * 64})
    changed = result.model_copy(update={"models": (result.models[0], other)})
    one, two = (build_sr(r, volume, seg=None, created=CREATED) for r in (result, changed))

    assert one.DeviceUID != two.DeviceUID
    uids = [[i.get("DeviceUID") for i in sr.ContributingEquipmentSequence] for sr in (one, two)]
    assert uids[0][1] == uids[1][1]
    assert uids[0][2] != uids[1][2]


def test_the_same_read_gives_the_same_uids_however_long_it_took(result, volume, seg):
    slower = result.model_copy(update={"timings_s": result.timings_s.model_copy(update={"detect": 9.0})})
    one = build_sr(result, volume, seg=seg, created=CREATED)
    two = build_sr(slower, volume, seg=seg, created=CREATED + timedelta(days=1))

    assert (one.SOPInstanceUID, one.SeriesInstanceUID) == (two.SOPInstanceUID, two.SeriesInstanceUID)


def test_other_findings_give_other_uids(result, volume):
    fewer = result.model_copy(update={"findings": result.findings[:2]})
    one, two = (build_sr(r, volume, seg=None, created=CREATED) for r in (result, fewer))

    assert one.SOPInstanceUID != two.SOPInstanceUID


def test_evidence_lists_every_image_and_the_segmentation(path, seg):
    (study,) = dcmread(path).CurrentRequestedProcedureEvidenceSequence

    listed = {s.SeriesInstanceUID: len(s.ReferencedSOPSequence) for s in study.ReferencedSeriesSequence}
    assert listed == {SERIES: 40, seg.SeriesInstanceUID: 1}


def test_a_read_without_findings_still_reports_the_study(result, volume):
    none = result.model_copy(update={"findings": (), "structures": (), "impression": "No nodule."})
    sr = build_sr(none, volume, seg=None, created=CREATED)
    (study,) = hd.sr.Comprehensive3DSR.from_dataset(sr).content.get_image_measurement_groups()

    assert "No nodule." in texts(study)
    assert answers(study)["Lung-RADS assessment"].meaning == "Lung-RADS 4B"


def test_lungs_are_reported_with_their_volume(result, report):
    (right,) = report.get_volumetric_roi_measurement_groups(
        finding_type=hd.sr.CodedConcept("39607008", "SCT", "Lung")
    )[:1]

    assert right.tracking_identifier == "right lung"
    assert numbers(right)["Volume"] == (pytest.approx(result.structures[0].volume_mm3, abs=1e-3), "mm3")


def test_dsrdump_prints_the_measurements(path, debian_tool):
    told = subprocess.run([debian_tool("dsrdump"), str(path)], capture_output=True, text=True, check=True)

    assert 'NUM:(,,"Long Axis")="15.6" (mm,UCUM,"millimeter")' in told.stdout
    assert '(RID50139,RADLEX,"Lung-RADS 4A")' in told.stdout
    assert "Verification Flag   : UNVERIFIED" in told.stdout


@pytest.mark.parametrize("with_seg", [True, False])
def test_validators_find_no_error(result, volume, seg, with_seg, tmp_path, debian_tool):
    path = written(build_sr(result, volume, seg=seg if with_seg else None, created=CREATED), tmp_path)

    assert validator_errors(path) == []
    assert dciodvfy_errors(path, debian_tool("dciodvfy")) == []


def test_dicom_validator_would_find_what_is_missing(result, volume, tmp_path):
    sr = build_sr(result, volume, seg=None, created=CREATED)
    measurements = sr.ContentSequence[-1].ContentSequence[1].ContentSequence
    number = next(item for item in measurements if item.ValueType == "NUM")
    del number.MeasuredValueSequence

    assert any("(0040,A300) TagMissing" in one for one in validator_errors(written(sr, tmp_path)))


def test_real_headers_give_a_valid_report(shared_ct, tmp_path, debian_tool):
    volume = real_volume(shared_ct / "lidc-0002")
    result = result_of(volume)
    seg = build_seg(result, volume, created=CREATED)
    path = written(build_sr(result, volume, seg=seg, created=CREATED), tmp_path)

    assert dciodvfy_errors(path, debian_tool("dciodvfy")) == []
    assert validator_errors(path) == []
    report = hd.sr.srread(path).content
    assert numbers(nodule(report, f"{ROOT}.8.1"))["Diameter"] == (14.8, "mm")
