import pytest
from sqlalchemy import select

from firstread.archive.database import reading
from firstread.archive.models import Patient, Study
from firstread.archive.narrowing import named
from tests.archive.samples import instances


@pytest.mark.parametrize("patients", [0, 2, 3])
def test_few_keys_take_the_place_of_the_conditions_and_many_do_not(sqlite_archive, monkeypatch, patients):
    monkeypatch.setattr("firstread.archive.narrowing.MOST", 2)
    for n in range(patients):
        instance = instances(1, study=n + 1, change=lambda ds, n=n: setattr(ds, "PatientID", f"P{n}"))[0]
        sqlite_archive.receive(instance)
    otherwise = [Patient.patient_id.startswith("P")]
    with reading(sqlite_archive.engine) as connection:
        conditions = named(connection, select(Patient.id).where(*otherwise), Study.patient_key, otherwise)
        if patients > 2:
            assert conditions is otherwise
        else:
            assert len(connection.execute(select(Study.id).where(*conditions)).all()) == patients
