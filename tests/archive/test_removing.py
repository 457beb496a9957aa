import pytest
from sqlalchemy import update

from firstread.archive.database import writing
from firstread.archive.models import Instance, Patient, PatientWord, Removal, Series, Study
from firstread.archive.removing import remove
from firstread.archive.results import result_folder_name
from firstread.errors import RefusedInput
from tests.archive.samples import instances, rows
from tests.dicom.ct_series import ROOT

STUDY = f"{ROOT}.1"


def test_a_study_leaves_nothing_but_the_note_that_it_was_there(archive):
    for instance in instances(3):
        archive.receive(instance)
    results = archive.folder / result_folder_name(STUDY, 1)
    results.mkdir(parents=True)
    removed = remove(archive, STUDY)
    assert not results.exists()
    assert (removed.studies, removed.instances) == (1, 3)
    for table in (Patient, PatientWord, Study, Series, Instance):
        assert rows(archive, table) == []
    assert list(archive.files.names()) == []
    assert [row.study_uid for row in rows(archive, Removal)] == [STUDY]


def test_the_numbers_stay_right(archive):
    for series in (1, 2):
        for instance in instances(2, series=series):
            archive.receive(instance)
    archive.receive(instances(2, seed=1)[0])  # other bytes under the first one's UID
    assert remove(archive, STUDY, f"{STUDY}.1", f"{STUDY}.1.1").instances == 2
    (study,) = rows(archive, Study)
    assert (study.number_of_series, study.number_of_instances, study.conflicts) == (2, 3, 0)
    remove(archive, STUDY, f"{STUDY}.2")
    (study,) = rows(archive, Study)
    assert (study.number_of_series, study.number_of_instances) == (1, 1)
    assert remove(archive, STUDY, f"{STUDY}.1", f"{STUDY}.1.2").studies == 1
    assert rows(archive, Patient) == []


def test_what_is_not_there_is_not_removed(archive):
    archive.receive(instances(1)[0])
    assert remove(archive, "1.2") is None
    assert remove(archive, STUDY, "1.2") is None
    assert len(rows(archive, Instance)) == 1


def test_a_held_study_stays(archive):
    archive.receive(instances(1)[0])
    with writing(archive.engine) as connection:
        connection.execute(update(Study).values(held=True))
    with pytest.raises(RefusedInput, match="held"):
        remove(archive, STUDY)
    assert len(rows(archive, Instance)) == 1
