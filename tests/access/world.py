"""A small hospital: two departments, a study in each, and for every role an actor who may see the first at most."""

import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, insert, select, update

from firstread.access import Actor
from firstread.access.rights.collections import add_collection, add_study, list_collections
from firstread.access.rights.holdings import give
from firstread.alerts.models import Alert
from firstread.archive import Archive
from firstread.archive.columns import now
from firstread.archive.database import writing
from firstread.archive.models import Delivery, Job, Result, Study
from firstread.findings import Acquisition, ReaderIdentity, ReadResult
from firstread.workflow.reporting.models import Report
from firstread.workflow.reporting.report import open_report
from firstread.workflow.reporting.signing import Signatory, begin_amendment, sign
from tests.archive.samples import instances
from tests.dicom.ct_series import ROOT

ROLES = (
    "administrator", "radiologist", "clinician", "technologist", "ai_engineer", "researcher", "auditor"
)  # fmt: skip
"""The shipped roles; `nobody` has none of them."""
SLICES = 2
AMENDING = 3
"""Number of the version in which `fill` leaves a report."""


@dataclass(frozen=True)
class Case:
    """A study of the hospital, or one that could be: what its images say, and the UIDs that name it."""

    number: int
    department: str
    patient_id: str
    patient_name: str
    referring: str

    @property
    def study(self) -> str:
        return f"{ROOT}.{self.number}"

    @property
    def series(self) -> str:
        return f"{self.study}.1"

    @property
    def instance(self) -> str:
        return f"{self.series}.1"

    @property
    def job(self) -> int:
        return self.number

    @property
    def alert(self) -> int:
        """An open alert of the study."""
        return self.number

    @property
    def acknowledged_alert(self) -> int:
        """One that was acknowledged and is to be closed."""
        return self.number + 100

    @property
    def secrets(self) -> tuple[str, ...]:
        """What tells that the study is there, wherever it is read."""
        return (self.study, self.patient_id, self.patient_name, self.referring)

    def images(self, count=SLICES, *, series=1):
        def change(ds):
            ds.InstitutionalDepartmentName = self.department
            ds.PatientID, ds.PatientName = self.patient_id, self.patient_name
            ds.ReferringPhysicianName = self.referring
            ds.AccessionNumber = f"A{self.number}"

        return instances(count, study=self.number, series=series, change=change)


INSIDE = Case(11, "Chest", "P-INSIDE", "Inside^Ida", "House^Gregory")
OUTSIDE = Case(12, "Surgery", "P-OUTSIDE", "Outside^Otto", "Cut^Sharp")
MISSING = Case(13, "Surgery", "P-MISSING", "Missing^Mia", "Cut^Sharp")


def name_of(role: str) -> str:
    """The actor's name, and the AE title of the node that holds the role."""
    return role.upper()


def fill(archive: Archive) -> None:
    """Store both studies, with a job, a result and a delivery each, where they are not there."""
    for case in (INSIDE, OUTSIDE):
        for image in case.images():
            archive.receive(image, source="CT1")
    with writing(archive.engine) as connection:
        _put_into_project(connection)
        for case in (INSIDE, OUTSIDE):
            key = connection.execute(select(Study.id).where(Study.study_uid == case.study)).scalar_one()
            _alert(connection, case, key)
            connection.execute(update(Job).where(Job.id == case.job).values(state="failed"))
            if connection.execute(select(Job.id).where(Job.id == case.job)).first() is None:
                connection.execute(
                    insert(Job).values(id=case.job, study_key=key, reader="none", state="failed")
                )
                folder = f"results/{case.study}/{case.job}"
                _write_result(archive.folder / folder, case)
                connection.execute(
                    insert(Result).values(id=case.job, job_key=case.job, folder=folder, digest="")
                )
                connection.execute(
                    insert(Delivery).values(
                        id=case.job,
                        result_key=case.job,
                        destination="pacs",
                        document="sr.dcm",
                        state="failed",
                    )
                )

    for case in (INSIDE, OUTSIDE):
        _report(archive, case)


def _write_result(folder: Path, case: Case) -> None:
    """Write what a reader would have found: nothing."""
    result = ReadResult(
        study_uid=case.study,
        series_uid=case.series,
        reader=ReaderIdentity(name="none", version="1"),
        acquisition=Acquisition(modality="CT", slices=SLICES, spacing_mm=(1.0, 1.0, 1.0)),
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "key-N1.png").write_bytes(b"a picture")
    (folder / "report.html").write_text("<b>AI preliminary, not verified</b>", encoding="utf-8")
    (folder / "result.json").write_text(result.model_dump_json(), encoding="utf-8")


def _report(archive: Archive, case: Case) -> None:
    """Let the report be in its third version: drafted, signed, and being amended."""
    opened = open_report(archive, case.study)
    if opened.version == AMENDING and opened.amending:
        return
    with writing(archive.engine) as connection:
        connection.execute(delete(Report).where(Report.id == opened.key))
    shutil.rmtree(archive.folder / f"results/{case.study}/report-{AMENDING - 1}", ignore_errors=True)
    opened = open_report(archive, case.study)
    signer = Signatory(None, "anne", "Dr Anne")
    anne = Actor("person", "anne")
    with writing(archive.engine) as connection:
        opened, _ = sign(connection, archive, case.study, anne, signer, expected=opened.version)
    signed = archive.folder / f"results/{case.study}/report-{opened.version}"
    signed.mkdir()
    (signed / "report.pdf").write_bytes(b"a document")
    with writing(archive.engine) as connection:
        begin_amendment(connection, archive, case.study, anne, reason="a reason", expected=opened.version)


def _alert(connection, case: Case, study_key: int) -> None:
    """Raise an alert that nobody was told yet, and one that was acknowledged; or make them so again."""
    long_ago = now() - timedelta(minutes=1)
    for number, state in ((case.alert, "raised"), (case.acknowledged_alert, "acknowledged")):
        values = {
            "study_key": study_key, "study_uid": case.study, "subject": f"rule:{number}", "reader": "none", "rule": "r",
            "rule_level": "minutes", "level": "minutes", "state": state, "title": "T", "text": "", "because": "",
            "raised_at": long_ago, "deadline_at": long_ago,
            "acknowledged_at": long_ago if state == "acknowledged" else None,
        }  # fmt: skip
        known = connection.execute(select(Alert.id).where(Alert.id == number)).first()
        statement = (
            insert(Alert).values(id=number) if known is None else update(Alert).where(Alert.id == number)
        )
        connection.execute(statement.values(values))


def staff(archive: Archive, *, kind: str = "person") -> dict[str, Actor]:
    """Let an actor of this kind hold each role, in the first study's department and project, and as its referrer."""
    found = {}
    with writing(archive.engine) as connection:
        for role in (*ROLES, "nobody"):
            actor = Actor(kind, name_of(role))
            if role != "nobody":
                give(connection, actor.key, "role", role)
            give(connection, actor.key, "department", INSIDE.department)
            give(connection, actor.key, "project", "screening")
            give(connection, actor.key, "referring", INSIDE.referring)
            found[role] = actor
    return found


def _put_into_project(connection) -> None:
    if not list_collections(connection, "project"):
        add_collection(connection, "project", "screening")
    add_study(connection, "project", "screening", INSIDE.study)
