from io import BytesIO

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from firstread.dicom.deidentify.deidentify import Deidentifier
from firstread.dicom.deidentify.instance_file import opened, written
from firstread.dicom.deidentify.options import Option, options_of
from firstread.dicom.deidentify.pseudonyms import Pseudonyms
from firstread.dicom.deidentify.verify import leaks
from firstread.dicom.quiet import quiet
from firstread.errors import RefusedInput
from tests.dicom.ct_series import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG_2000,
    JPEG_LOSSLESS_SV1,
    JPEG_LS,
    RLE,
    anatomy,
    ct_series,
    encode,
)
from tests.dicom.deidentify.documents import planted_presentation_state, planted_report
from tests.dicom.deidentify.planted import Planted, found_in, planted_ct, source_of
from tests.dicom.validators import dciodvfy_errors

KEY = Pseudonyms(b"k" * 32)
RETAINING = (Option.UIDS, Option.FULL_DATES, Option.DEVICE_IDENTITY, Option.INSTITUTION)
EVERY_CLEANING = frozenset(Option) - {*RETAINING, Option.PATIENT_CHARACTERISTICS}


def deidentified(content: bytes, options=(), **arguments) -> tuple[Dataset, bytes, Dataset]:
    """Return the original, what was written, and that read again."""
    with quiet():
        original, syntax = opened(source_of(content))
        worker = Deidentifier(KEY, options_of(options), **arguments)
        made = written(worker(original, syntax))
        return original, made, dcmread(BytesIO(made))


@pytest.mark.parametrize("options", [(), EVERY_CLEANING], ids=["basic profile", "every cleaning option"])
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG, DEFLATED, JPEG_LS])
def test_nothing_that_was_planted_is_in_any_byte_of_the_output(options, syntax):
    (dataset,), planted = planted_ct()
    content = encode(dataset, syntax)
    original, made, _ = deidentified(content, options)
    assert len(planted.strings) > 900 and len(planted.uids) > 100
    assert found_in(made, planted) == []
    assert leaks(original, made, options_of(options)) == ()


@pytest.fixture
def report():
    planted = Planted()
    return planted_report(planted), planted


@pytest.mark.parametrize("options", [(), EVERY_CLEANING], ids=["basic profile", "every cleaning option"])
def test_a_report_tells_nothing_of_its_texts_names_and_uids(report, options):
    dataset, planted = report
    _, made, _ = deidentified(encode(dataset), options)
    assert found_in(made, planted) == []


def test_a_report_keeps_its_structure_numbers_and_codes_under_clean_structured_content(report):
    _, _, read = deidentified(encode(report[0]), ["clean-structured-content"])
    container = read.ContentSequence[-1]
    kinds = [item.ValueType for item in container.ContentSequence]
    assert kinds == ["TEXT", "NUM", "CODE", "PNAME", "DATE", "UIDREF"]
    text, number, code, *_ = container.ContentSequence
    assert text.TextValue == "REMOVED"
    assert float(number.MeasuredValueSequence[0].NumericValue) == 8.5
    assert code.ConceptCodeSequence[0].CodeValue == "39607008"


def test_a_report_says_that_its_content_was_removed_under_the_basic_profile(report):
    _, _, read = deidentified(encode(report[0]))
    assert [item.TextValue for item in read.ContentSequence] == ["REMOVED"]


@pytest.mark.parametrize("options", [(), ["clean-graphics"]], ids=["basic profile", "clean graphics"])
def test_annotations_of_a_presentation_state_tell_no_text(options):
    planted = Planted()
    _, made, read = deidentified(encode(planted_presentation_state(planted)), options)
    assert found_in(made, planted) == []
    (annotation,) = read.GraphicAnnotationSequence
    assert annotation.TextObjectSequence[0].UnformattedTextValue == "REMOVED"
    assert ("GraphicObjectSequence" in annotation) == bool(options)


@pytest.mark.parametrize(
    "options", [(), EVERY_CLEANING, list(RETAINING)], ids=["basic", "cleaning", "retaining"]
)
@pytest.mark.parametrize("kind", ["ct", "report", "presentation state"])
def test_the_output_has_no_error_that_its_original_has_not(options, kind, tmp_path, debian_tool):
    if kind == "ct":
        (dataset,), _ = planted_ct()
    else:
        make = planted_report if kind == "report" else planted_presentation_state
        dataset = make(Planted())
    content = encode(dataset)
    (tmp_path / "before.dcm").write_bytes(content)
    (tmp_path / "after.dcm").write_bytes(deidentified(content, options)[1])
    program = debian_tool("dciodvfy")
    before, after = (set(dciodvfy_errors(tmp_path / name, program)) for name in ("before.dcm", "after.dcm"))
    assert after - before == set()


def test_modified_dates_keep_their_intervals_and_times():
    (dataset,), _ = planted_ct(deep=False)
    dataset.AcquisitionDateTime = "20190314103000.25+0800"
    _, _, read = deidentified(encode(dataset), ["modified-dates"])
    offset = KEY.offset("id\x1fQZID-4711\x1f" + str(dataset.IssuerOfPatientID))
    assert -3650 <= offset.days <= -365
    from datetime import date

    def day(value):
        return date(int(value[:4]), int(value[4:6]), int(value[6:8]))

    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        assert day(read[keyword].value) - day(dataset[keyword].value) == offset
    assert day(read.AcquisitionDateTime) - date(2019, 3, 14) == offset
    assert str(read.AcquisitionDateTime)[8:] == "103000.25+0800"
    assert read.StudyTime == dataset.StudyTime
    assert read.LongitudinalTemporalInformationModified == "MODIFIED"


def test_full_dates_stay_and_otherwise_none_is_told():
    (dataset,), _ = planted_ct(deep=False)
    assert deidentified(encode(dataset), ["full-dates"])[2].StudyDate == "20190311"
    plain = deidentified(encode(dataset))[2]
    assert (plain.StudyDate, plain.LongitudinalTemporalInformationModified) == ("", "REMOVED")
    assert not any(str(element.value).startswith("2019") for element in plain if element.VR in ("DA", "DT"))


def test_ages_over_89_are_told_as_90():
    (dataset,), _ = planted_ct(deep=False)
    assert deidentified(encode(dataset), ["patient-characteristics"])[2].PatientAge == "090Y"
    assert "PatientAge" not in deidentified(encode(dataset))[2]


def test_the_same_patient_stays_one_patient_and_another_is_another():
    first, second = (ct_series(anatomy(1, 16), study=n)[0] for n in (1, 2))
    other = ct_series(anatomy(1, 16), study=3)[0]
    other.PatientID = "SYN-2"
    names = [deidentified(encode(each))[2] for each in (first, second, other)]
    assert names[0].PatientID == names[1].PatientID != names[2].PatientID
    assert str(names[0].PatientName) == names[0].PatientID
    assert len({each.StudyInstanceUID for each in names}) == 3


def test_uids_fit_each_other_across_instances():
    slices = ct_series(anatomy(3, 16))
    state = planted_presentation_state(Planted())
    reference = state.ReferencedSeriesSequence[0]
    reference.SeriesInstanceUID = slices[0].SeriesInstanceUID
    reference.ReferencedImageSequence[0].ReferencedSOPInstanceUID = slices[1].SOPInstanceUID
    read = [deidentified(encode(each))[2] for each in slices]
    told = deidentified(encode(state))[2].ReferencedSeriesSequence[0]
    assert len({(each.StudyInstanceUID, each.FrameOfReferenceUID) for each in read}) == 1
    assert told.SeriesInstanceUID == read[0].SeriesInstanceUID
    assert told.ReferencedImageSequence[0].ReferencedSOPInstanceUID == read[1].SOPInstanceUID
    assert told.ReferencedImageSequence[0].ReferencedSOPClassUID == slices[1].SOPClassUID
    assert all(each.SOPInstanceUID.startswith("2.25.") for each in read)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG, JPEG_LS, JPEG_LOSSLESS_SV1, JPEG_2000, RLE])
def test_pixels_are_what_they_were(syntax):
    (dataset,) = ct_series(anatomy(1, 32))
    content = encode(dataset, syntax)
    original, _, read = deidentified(content)
    from firstread.dicom.decode import stored_values
    from firstread.dicom.discover import study_from
    from firstread.dicom.frames import frames_of

    assert read.file_meta.TransferSyntaxUID == syntax
    frame = frames_of(study_from([source_of(content)]).series[0])[0]
    from pydicom.encaps import generate_frames

    native = syntax in (EXPLICIT, IMPLICIT, BIG)
    encoded = [
        each.PixelData if native else next(generate_frames(each.PixelData, number_of_frames=1))
        for each in (original, read)
    ]
    before, after = (stored_values(each, frame) for each in encoded)
    assert np.array_equal(before, after)


def test_what_was_done_is_said_in_the_instance():
    (dataset,) = ct_series(anatomy(1, 16))
    _, _, read = deidentified(encode(dataset), ["clean-descriptors", "modified-dates"])
    assert read.PatientIdentityRemoved == "YES"
    assert read.DeidentificationMethod.startswith("firstread")
    codes = [
        (each.CodeValue, each.CodingSchemeDesignator) for each in read.DeidentificationMethodCodeSequence
    ]
    assert codes == [("113100", "DCM"), ("113105", "DCM"), ("113107", "DCM")]


def test_descriptions_keep_common_words_and_numbers_only():
    (dataset,) = ct_series(anatomy(1, 16))
    dataset.SeriesDescription = "Thorax 1.25mm LUNG Mueller^Anna Zimmer 7 20190311"
    read = deidentified(encode(dataset), ["clean-descriptors"])[2]
    assert read.SeriesDescription == "Thorax 1.25mm LUNG 7"
    assert "SeriesDescription" not in deidentified(encode(dataset))[2]


def test_a_name_where_nobody_expects_it_is_not_told():
    (dataset,) = ct_series(anatomy(1, 16))
    dataset.PatientName = "Mueller^Annegret"
    dataset.FilterType = "MUELLER WEDGE"
    dataset.ContrastBolusAgent = "Iodine for annegret"
    dataset.BodyPartExamined = "CHEST"
    _, made, read = deidentified(encode(dataset), ["clean-descriptors"])
    assert read.FilterType == "REMOVED"
    assert read.BodyPartExamined == "CHEST"
    assert b"mueller" not in made.lower() and b"annegret" not in made.lower()


def test_a_patient_whose_name_is_a_word_of_reports_does_not_empty_them():
    (dataset,) = ct_series(anatomy(1, 16))
    dataset.PatientName = "Head^Ann"
    dataset.BodyPartExamined = "HEAD"
    original, made, read = deidentified(encode(dataset))
    assert read.BodyPartExamined == "HEAD"
    assert leaks(original, made, frozenset()) == ()


def test_private_attributes_go_but_for_numbers_that_are_known_safe():
    (dataset,) = ct_series(anatomy(1, 16))
    block = dataset.private_block(0x0019, "GEMS_ACQU_01", create=True)
    block.add_new(0x23, "DS", "10.5")
    block.add_new(0x02, "LO", "Secret of Mueller")
    unknown = dataset.private_block(0x0029, "ACME 1.0", create=True)
    unknown.add_new(0x01, "DS", "4")
    plain = deidentified(encode(dataset))[2]
    assert not any(element.tag.is_private for element in plain)
    kept = deidentified(encode(dataset), ["safe-private"])[2]
    private = [element for element in kept if element.tag.is_private]
    assert [str(element.value) for element in private] == ["GEMS_ACQU_01", "10.5"]


def test_nothing_of_the_file_around_the_data_set_is_kept():
    (dataset,) = ct_series(anatomy(1, 16))
    content = bytearray(encode(dataset))
    content[:20] = b"Mueller in preamble!"
    with quiet():
        original = dcmread(BytesIO(bytes(content)))
        original.file_meta.SourceApplicationEntityTitle = "MUELLER_CT"
        original.file_meta.PrivateInformationCreatorUID = "1.2.3.4.5"
        original.file_meta.PrivateInformation = b"Mueller!"
        stream = BytesIO()
        original.save_as(stream)
    tail = stream.getvalue() + b"\xfc\xff\xfc\xffOB\0\0\x08\0\0\0Mueller " + b"Mueller behind the end"
    _, made, read = deidentified(tail)
    assert b"mueller" not in made.lower()
    assert made[:128] == bytes(128)
    assert "SourceApplicationEntityTitle" not in read.file_meta


def test_text_that_is_hidden_behind_the_pixels_is_cut_off():
    (dataset,) = ct_series(anatomy(1, 16))
    dataset.PixelData += b"Mueller, born 1929"
    _, made, read = deidentified(encode(dataset))
    assert len(read.PixelData) == 16 * 16 * 2
    assert b"Mueller" not in made


def test_an_overlay_in_the_spare_bits_of_the_pixels_is_cleared():
    (dataset,) = ct_series(anatomy(1, 16))
    stored = np.frombuffer(dataset.PixelData, "<u2") & 0x0FFF
    dataset.BitsStored, dataset.HighBit = 12, 11
    dataset.PixelData = (stored | 0x8000).astype("<u2").tobytes()
    for element, vr, value in ((0x0010, "US", 16), (0x0100, "US", 16), (0x0102, "US", 15)):
        dataset.add_new(0x60000000 | element, vr, value)
    read = deidentified(encode(dataset))[2]
    assert np.array_equal(np.frombuffer(read.PixelData, "<u2"), stored)
    assert not any(element.tag.group == 0x6000 for element in read)


def _encapsulated_pdf(dataset):
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
    dataset.EncapsulatedDocument = b"%PDF-1.4"


def _private_class(dataset):
    dataset.SOPClassUID = "1.3.12.2.1107.5.9.1"


def _raw_data(dataset):
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.66"


@pytest.mark.parametrize("spoil", [_encapsulated_pdf, _private_class, _raw_data])
def test_what_can_hold_anything_is_refused(spoil):
    (dataset,) = ct_series(anatomy(1, 16))
    spoil(dataset)
    with pytest.raises(RefusedInput):
        deidentified(encode(dataset))


def test_the_original_is_left_as_it_is():
    (dataset,), _ = planted_ct()
    content = encode(dataset)
    with quiet():
        original, syntax = opened(source_of(content))
        before = original.to_json(bulk_data_threshold=0, bulk_data_element_handler=lambda element: "")
        Deidentifier(KEY, EVERY_CLEANING)(original, syntax)
        after = original.to_json(bulk_data_threshold=0, bulk_data_element_handler=lambda element: "")
    assert before == after
