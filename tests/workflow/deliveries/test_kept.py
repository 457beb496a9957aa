import shutil
from datetime import datetime

import pytest
from pydicom import dcmread

from firstread.archive import open_archive
from firstread.archive.database import reading
from firstread.archive.models import Instance, Study
from firstread.archive.query import find
from firstread.archive.verify import verify
from firstread.errors import UsageError
from firstread.workflow.deliveries import keep_result
from tests.archive.samples import rows
from tests.dicom.read_samples import STUDY
from tests.workflow.deliveries.conftest import DICOM


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request):
    return request.getfixturevalue("postgres_url") if request.param == "postgresql" else None


def modalities(archive):
    with reading(archive.engine) as connection:
        found = find(connection, "series", {"StudyInstanceUID": STUDY})
    return sorted((row["Modality"], row["NumberOfSeriesRelatedInstances"]) for row in found)


def test_the_dicom_documents_are_found_with_the_study_and_do_not_make_it_newly_received(
    archive, result_folder
):
    (before,) = rows(archive, Study)
    keep_result(archive, result_folder)
    (after,) = rows(archive, Study)
    assert modalities(archive) == [("CT", 1), ("DOC", 1), ("OT", 3), ("SEG", 1), ("SR", 1)]
    assert (after.number_of_series, after.number_of_instances) == (5, 1 + len(DICOM))
    assert after.last_received_at == before.last_received_at
    assert not after.inconsistent
    assert verify(archive).sound


def test_kept_twice_it_is_there_once(archive, result_folder):
    keep_result(archive, result_folder)
    once = rows(archive, Instance)
    keep_result(archive, result_folder)
    assert rows(archive, Instance) == once


def test_the_same_read_at_another_time_leaves_what_is_kept(archive, result_folder, tmp_path):
    keep_result(archive, result_folder)
    once = rows(archive, Instance)
    again = shutil.copytree(result_folder, tmp_path / "again")
    report = dcmread(again / "sr.dcm")
    report.ContentTime = datetime(2030, 1, 1, 1, 1, 1).strftime("%H%M%S")
    report.save_as(again / "sr.dcm")
    keep_result(archive, again)
    assert rows(archive, Instance) == once
    assert rows(archive, Study)[0].conflicts == 0


def test_of_a_study_that_was_removed_nothing_is_kept(tmp_path, result_folder):
    with open_archive(tmp_path / "other") as other:
        keep_result(other, result_folder)
        assert rows(other, Study) == []


def test_a_folder_without_a_result_is_refused(archive, tmp_path):
    with pytest.raises(UsageError):
        keep_result(archive, tmp_path)
