import pytest
from sqlalchemy import select

from firstread.archive.database import reading
from firstread.archive.models import Patient, Study
from firstread.archive.narrowing import named
from tests.archive.samples import instances


@pytest.mark.parametrize("patients", [0, 2, 3])
def test_few_keys_become_a_condition_and_many_do_not(sqlite_archive, monkeypatch, patients):
    monkeypatch.setattr("firstread.archive.narrowing.MOST", 2)
    for n in range(patients):
        instance = instances(1, study=n + 1, change=lambda ds, n=n: setattr(ds, "PatientID", f"P{n}"))[0]
        sqlite_archive.receive(instance)
    with reading(sqlite_archive.engine) as connection:
        found = named(
            connection, select(Patient.id).where(Patient.patient_id.startswith("P")), Study.patient_key
        )
        if patients > 2:
            assert found is None
        else:
            assert len(connection.execute(select(Study.id).where(found)).all()) == patients
