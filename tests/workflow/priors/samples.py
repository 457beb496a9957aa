"""Studies of one patient in an archive, and what was read of them."""

import secrets

from sqlalchemy import insert, select

from firstread.archive.database import writing
from firstread.archive.models import Job, Result, Study
from tests.archive.samples import instances
from tests.dicom.ct_series import ROOT


def study(number, date, *, time="101500", patient="SYN-1", born="19600101", issuer="", modality="CT"):
    """Two images of a study, made on a day."""

    def change(ds):
        ds.StudyDate, ds.StudyTime, ds.Modality = date, time, modality
        ds.PatientID, ds.PatientBirthDate, ds.IssuerOfPatientID = patient, born, issuer

    return instances(2, study=number, change=change)


def uid(number):
    """The Study Instance UID of a study."""
    return f"{ROOT}.{number}"


def keep(archive, *studies, source="CT1"):
    """Store studies."""
    for each in (each for one in studies for each in one):
        archive.receive(each, source=source)


def read(archive, number, *, reader="lung_nodule", state="done", revision=1):
    """Say that a study was read, and return the result folder; None where the reading has no result."""
    name = f"results/{secrets.token_hex(4)}"
    with writing(archive.engine) as connection:
        key = connection.execute(select(Study.id).where(Study.study_uid == uid(number))).scalar_one()
        job = connection.execute(
            insert(Job).values(study_key=key, reader=reader, revision=revision, state=state).returning(Job.id)
        ).scalar_one()
        if state != "done":
            return None
        connection.execute(insert(Result).values(job_key=job, folder=name, digest="0" * 64))
    folder = archive.folder / name
    folder.mkdir(parents=True)
    (folder / "result.json").write_text("{}")
    return folder
