from dataclasses import replace

import pytest
from sqlalchemy import select

from firstread.archive import OWN_SOURCE, PRIOR_SOURCE, Part10, open_archive
from firstread.archive.database import reading
from firstread.archive.models import Instance
from firstread.dicom.discover import open_study
from firstread.dicom.quiet import quiet
from firstread.errors import ArchiveUnavailable, UsageError
from firstread.workflow.routes import SeriesFacts, StudyFacts, facts_of, facts_of_folder
from tests.archive.samples import instances
from tests.dicom.ct_series import DEFLATED, ROOT, ct_series, encode, enhanced, write

STUDY = f"{ROOT}.1"


def described(ds):
    """Say of an instance what routes ask for."""
    ds.StudyDescription, ds.InstitutionName = "CT Thorax", "St. Elsewhere"
    ds.StudyDate, ds.StudyTime = "20250104", "031500.25"  # a Saturday
    ds.PatientBirthDate, ds.PatientSex = "19640105", "F"
    ds.RequestedProcedurePriority = "STAT"
    ds.BodyPartExamined, ds.SeriesDescription = "CHEST", "Lung 2.5"
    ds.ConvolutionKernel = "Br64d"


THIN = SeriesFacts(
    f"{STUDY}.1",
    modality="CT",
    body_part="CHEST",
    series_description="Lung 2.5",
    image_type=("ORIGINAL", "PRIMARY", "AXIAL"),
    kernel="Br64d",
    slice_thickness_mm=2.5,
    images=3,
)
FACTS = StudyFacts(
    STUDY,
    source=("CT1",),
    institution="St. Elsewhere",
    study_description="CT Thorax",
    requested_priority="STAT",
    age_years=60.0,
    sex="F",
    weekday="sat",
    hour=3,
    series=(THIN,),
)


@pytest.mark.parametrize("syntax", [None, DEFLATED])
def test_facts_come_from_the_headers_of_the_archive(archive, syntax):
    for each in instances(change=described, **({"syntax": syntax} if syntax else {})):
        archive.receive(each, source="CT1")
    assert facts_of(archive, STUDY) == FACTS


def test_facts_are_the_same_on_postgresql(tmp_path, postgres_url):
    with open_archive(tmp_path / "archive", url=postgres_url) as archive:
        for each in instances(change=described):
            archive.receive(each, source="CT1")
        assert facts_of(archive, STUDY) == FACTS


def test_a_folder_has_the_same_facts_as_the_archive(tmp_path):
    made = ct_series()[:3]
    for ds in made:
        described(ds)
    folder = write(tmp_path / "study", made)
    assert facts_of_folder(open_study(folder), source="CT1") == FACTS
    assert facts_of_folder(open_study(folder)).source == ()


def test_an_enhanced_ct_is_as_its_frames_are(archive):
    archive.receive(Part10.parse(encode(enhanced(ct_series()[:4]))), source="CT1")
    (series,) = facts_of(archive, STUDY).series
    assert (series.images, series.slice_thickness_mm) == (4, 2.5)
    assert series.image_type == ("ORIGINAL", "PRIMARY", "AXIAL", "NONE")


def test_only_images_of_the_patient_are_series(archive):
    def segmentation(ds):
        ds.Modality, ds.SOPClassUID = "SEG", "1.2.840.10008.5.1.4.1.1.66.4"

    def report(ds):
        ds.Modality, ds.SOPClassUID = "SR", "1.2.840.10008.5.1.4.1.1.88.33"
        for keyword in ("Rows", "Columns", "PixelData"):
            delattr(ds, keyword)

    for series, change in enumerate((segmentation, report), start=2):
        for each in instances(1, series=series, change=change):
            archive.receive(each, source="PACS")
    for each in instances(1, series=4):
        archive.receive(each, source=OWN_SOURCE)
    assert facts_of(archive, STUDY).series == ()
    for each in instances(1, series=1):
        archive.receive(each, source="CT1")
    facts = facts_of(archive, STUDY)
    assert [series.series_uid for series in facts.series] == [f"{STUDY}.1"]
    assert facts.source == ("CT1",)


def test_a_study_is_a_prior_while_all_of_its_images_were_fetched(archive):
    for each in instances(2, series=1):
        archive.receive(each, source=PRIOR_SOURCE)
    assert facts_of(archive, STUDY).prior
    for each in instances(1, series=2):
        archive.receive(each, source="CT1")
    assert not facts_of(archive, STUDY).prior


@pytest.mark.parametrize("change", [None, described])
def test_a_prior_that_comes_by_itself_is_one_no_more(archive, change):
    for each in instances(2):
        archive.receive(each, source=PRIOR_SOURCE)
    archive.receive(instances(1, change=change)[0], source="CT1")
    facts = facts_of(archive, STUDY)
    assert (facts.prior, facts.series[0].images) == (False, 2)
    assert "CT1" in facts.source


@pytest.mark.parametrize(
    ("birth", "written", "years"),
    [("19640104", "", 61.0), ("", "059Y", 59.0), ("", "018M", 1.0), ("", "010W", 0.0), ("", "old", None),
     ("20990101", "", None), ("1964", "060Y", 60.0)],
)  # fmt: skip
def test_the_age_is_that_on_the_day_of_the_study(archive, birth, written, years):
    def change(ds):
        described(ds)
        ds.PatientBirthDate, ds.PatientAge = birth, written

    with quiet():
        (made,) = instances(1, change=change)
    archive.receive(made, source="CT1")
    assert facts_of(archive, STUDY).age_years == years


def test_a_study_that_is_not_there_is_said(archive):
    with pytest.raises(UsageError, match="no such study"):
        facts_of(archive, STUDY)


def test_a_file_that_is_gone_is_no_study_without_images(archive):
    for each in instances(2, change=described):
        archive.receive(each, source="CT1")
    with reading(archive.engine) as connection:
        first, last = connection.execute(select(Instance.file).order_by(Instance.number)).scalars()
    archive.files.path(last).unlink()
    assert facts_of(archive, STUDY).series == (replace(THIN, images=2),)
    archive.files.path(first).unlink()
    with pytest.raises(ArchiveUnavailable, match="No file of a series"):
        facts_of(archive, STUDY)


def test_a_damaged_series_keeps_no_other_from_being_known(archive):
    for series in (1, 2):
        archive.receive(instances(1, series=series, change=described)[0], source="CT1")
    with reading(archive.engine) as connection:
        damaged = connection.execute(select(Instance.file).order_by(Instance.id)).scalars().first()
    archive.files.path(damaged).write_bytes(bytes(128) + b"DICM" + bytes(64))
    facts = facts_of(archive, STUDY)
    assert facts.series[0] == SeriesFacts(f"{STUDY}.1", images=1)
    assert replace(facts, series=()) == replace(FACTS, series=())
    assert facts.series[1].kernel == "Br64d"
