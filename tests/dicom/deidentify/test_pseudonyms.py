import re
from datetime import timedelta
from uuid import UUID

import pytest
from pydicom.dataset import Dataset

from firstread.dicom.deidentify.dates import blurred_age, shifted_date, shifted_date_time
from firstread.dicom.deidentify.pseudonyms import Pseudonyms, new_key, patient_key

ONE, OTHER = Pseudonyms(b"1" * 32), Pseudonyms(b"2" * 32)


def test_pseudonyms_are_the_same_in_a_project_and_others_in_another():
    assert ONE.patient("id\x1f1\x1f") == ONE.patient("id\x1f1\x1f") != OTHER.patient("id\x1f1\x1f")
    assert ONE.uid("1.2.3") == ONE.uid("1.2.3") != OTHER.uid("1.2.3")
    assert ONE.offset("x") == ONE.offset("x") != OTHER.offset("x")
    assert re.fullmatch("P[A-Z2-7]{12}", ONE.patient("x"))


def test_uids_are_those_of_uuids():
    found = ONE.uid("1.2.3")
    assert found.startswith("2.25.") and len(found) <= 64
    assert UUID(int=int(found.removeprefix("2.25."))).version == 8


def test_keys_are_made_by_chance():
    assert len({new_key() for _ in range(20)}) == 20


def test_the_key_is_not_shown():
    assert "1111" not in repr(ONE)


def person(**values):
    dataset = Dataset()
    for keyword, value in {"StudyInstanceUID": "1.2.3", **values}.items():
        setattr(dataset, keyword, value)
    return patient_key(dataset)


def test_a_person_is_told_by_number_and_issuer_else_by_name_and_birth_date_else_by_study():
    assert person(PatientID="7") == person(PatientID="7", PatientName="A^B", StudyInstanceUID="9.9")
    assert person(PatientID="7") != person(PatientID="7", IssuerOfPatientID="X")
    named = {"PatientName": "A^B", "PatientBirthDate": "19290101"}
    assert person(**named) == person(**named, StudyInstanceUID="9.9")
    assert person(PatientName="A^B") != person(PatientName="A^B", StudyInstanceUID="9.9")


def test_offsets_are_whole_days_of_one_to_ten_years_into_the_past():
    offsets = [ONE.offset(str(n)) for n in range(500)]
    assert min(offsets) >= timedelta(days=-3650) and max(offsets) <= timedelta(days=-365)
    assert len(set(offsets)) > 400


@pytest.mark.parametrize(
    ("value", "moved"),
    [
        ("20240301", "20240228"),
        ("2024.03.01", "20240228"),
        ("", ""),
        ("20241301", ""),
        ("today", ""),
        ("00010101", ""),
    ],
)
def test_dates_are_moved_or_gone(value, moved):
    assert shifted_date(value, timedelta(days=-2)) == moved


@pytest.mark.parametrize(
    ("value", "moved"),
    [
        ("20240301101500.123456+0800", "20240228101500.123456+0800"),
        ("2024030110", "2024022810"),
        ("20240301", "20240228"),
        ("202403", "202402"),
        ("2024", "2023"),
        ("20240301-0500", "20240228-0500"),
        ("on monday", ""),
    ],
)
def test_times_stay_as_they_are_when_dates_are_moved(value, moved):
    assert shifted_date_time(value, timedelta(days=-2)) == moved


def test_ages():
    assert [blurred_age(each) for each in ("089Y", "090Y", "104Y", "011M", "")] == [
        "089Y",
        "090Y",
        "090Y",
        "011M",
        "",
    ]
