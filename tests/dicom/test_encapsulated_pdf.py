import pytest
from pydicom import dcmread

from firstread.dicom.encapsulated_pdf import build_encapsulated_pdf
from firstread.findings import NOTICE
from tests.dicom.read_samples import CREATED, SERIES, SHAPE, STUDY, enhanced_volume, result_of, volume_of
from tests.dicom.validators import dciodvfy_errors, validator_errors, written

PDF = b"%PDF-1.4\nodd.\n%%EOF"


def built(volume, pdf=PDF, lang="en"):
    return build_encapsulated_pdf(result_of(volume), volume, pdf, lang=lang, created=CREATED)


def test_the_pdf_comes_back_out_as_it_went_in(tmp_path):
    back = dcmread(written(built(volume_of()), tmp_path))
    assert len(PDF) % 2 == 1
    assert back.EncapsulatedDocument[: back.EncapsulatedDocumentLength] == PDF
    assert back.MIMETypeOfEncapsulatedDocument == "application/pdf"


def test_it_belongs_to_the_study_and_says_what_it_is():
    report = built(volume_of())
    assert (report.StudyInstanceUID, report.PatientID) == (STUDY, "P-0815")
    assert report.SeriesInstanceUID != SERIES
    assert NOTICE in report.SeriesDescription
    assert (report.DocumentTitle, report.VerificationFlag) == (NOTICE, "UNVERIFIED")
    assert len(report.SourceInstanceSequence) == SHAPE[0]


def test_the_same_read_gives_the_same_uids_and_another_language_another_instance():
    volume = volume_of()
    first, again, chinese = built(volume), built(volume, b"%PDF-1.4\nlater"), built(volume, lang="zh")
    assert first.SOPInstanceUID == again.SOPInstanceUID
    assert first.SOPInstanceUID != chinese.SOPInstanceUID
    assert first.SeriesInstanceUID == chinese.SeriesInstanceUID


@pytest.mark.parametrize("volume", [volume_of, enhanced_volume])
def test_judges_that_are_not_ours_find_no_error(volume, tmp_path, debian_tool):
    path = written(built(volume()), tmp_path)
    assert dciodvfy_errors(path, debian_tool("dciodvfy")) == []
    assert validator_errors(path) == []
