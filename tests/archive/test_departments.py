import pytest
from sqlalchemy import select

from firstread.archive.database import reading, writing
from firstread.archive.departments import list_departments, map_department
from firstread.archive.models import Study
from firstread.errors import UsageError
from tests.archive.samples import instances
from tests.dicom.ct_series import ROOT


def said(institution="", department=""):
    def change(ds):
        ds.InstitutionName, ds.InstitutionalDepartmentName = institution, department

    return change


def department(archive, number):
    with reading(archive.engine) as connection:
        wanted = Study.study_uid == f"{ROOT}.{number}"
        return connection.execute(select(Study.department).where(wanted)).scalar_one()


def keep(archive, number, *, source="CT1", **names):
    archive.receive(instances(1, study=number, change=said(**names))[0], source=source)


def test_a_study_belongs_to_the_department_that_its_images_name(archive):
    keep(archive, 1, department="Chest")
    keep(archive, 2)
    assert department(archive, 1) == "Chest"
    assert department(archive, 2) == ""


def test_the_sender_decides_before_the_institution_and_that_before_the_department(archive):
    with writing(archive.engine) as connection:
        map_department(connection, "department", "RAD", "Radiology")
        map_department(connection, "institution", "North Clinic", "North")
        map_department(connection, "ae", "CT_ER", "Emergency")
        assert list_departments(connection) == [
            ("ae", "ct_er", "Emergency"), ("institution", "north clinic", "North"), ("department", "rad", "Radiology"),
        ]  # fmt: skip
    keep(archive, 1, department="rad")
    keep(archive, 2, department="rad", institution="NORTH CLINIC")
    keep(archive, 3, department="rad", institution="North Clinic", source="CT_ER")
    assert [department(archive, n) for n in (1, 2, 3)] == ["Radiology", "North", "Emergency"]


def test_what_is_said_later_holds_for_what_is_there_and_can_be_taken_back(archive):
    keep(archive, 1, department="Chest")
    keep(archive, 2, department="Chest", source="CT2")
    with writing(archive.engine) as connection:
        assert map_department(connection, "ae", "ct1", "Emergency") == 1
    assert [department(archive, n) for n in (1, 2)] == ["Emergency", "Chest"]
    with writing(archive.engine) as connection:
        assert map_department(connection, "ae", "CT1", None) == 1
    assert department(archive, 1) == "Chest"


def test_a_department_needs_a_name(archive):
    for value, name in (("", "X"), ("CT1", "")):
        with pytest.raises(UsageError), writing(archive.engine) as connection:
            map_department(connection, "ae", value, name)
