"""Which studies have a report: signed ones, and those that are preliminary still."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, case, func, or_, select

from firstread.archive.models import Job, Patient, Result, Study
from firstread.archive.names import folded
from firstread.workflow.reporting.models import Report, Signing
from firstread.workflow.reporting.report import State


@dataclass(frozen=True)
class ListedReport:
    """The report of a study in short; `signed_by` and `signed_at` are "" and None before anybody has signed."""

    study_uid: str
    patient_name: str
    patient_id: str
    birth_date: str
    sex: str
    accession_number: str
    study_date: str
    description: str
    state: State
    amending: bool
    version: int
    category: str
    signed_by: str
    signed_at: datetime | None
    kind: Literal["", "final", "amended", "addendum"]
    filed: bool


def list_reports(
    connection: Connection,
    *,
    within: ColumnElement[bool] | None = None,
    states: Sequence[State] = (),
    search: str = "",
    study_uid: str | None = None,
    limit: int = 100,
) -> tuple[ListedReport, ...]:
    """Return the studies that were read, the newest report first.

    Args:
        connection: To the archive's database.
        within: What a study must fulfil to be seen.
        states: Only reports in these; none: all.
        search: Part of a patient's name, Patient ID or accession number.
        study_uid: Only of this study.
        limit: So many at most.
    """
    read = (
        select(Job.study_key, func.max(Result.id).label("result"))
        .join(Result, Result.job_key == Job.id)
        .group_by(Job.study_key)
        .subquery()
    )
    newest = (
        select(Signing.report_key, func.max(Signing.id).label("id")).group_by(Signing.report_key).subquery()
    )
    state: Any = case((Report.state.is_(None), "preliminary"), else_=Report.state)
    statement = (
        select(
            Study.study_uid,
            Patient.name.label("patient_name"),
            Patient.patient_id,
            Patient.birth_date,
            Patient.sex,
            Study.accession_number,
            Study.study_date,
            Study.description,
            state.label("state"),
            func.coalesce(Report.amending, False).label("amending"),
            func.coalesce(Report.version, 0).label("version"),
            Result.category,
            func.coalesce(Signing.display_name, "").label("signed_by"),
            Signing.signed_at,
            func.coalesce(Signing.kind, "").label("kind"),
            func.coalesce(Signing.filed, False).label("filed"),
        )
        .select_from(Study)
        .join(Patient, Patient.id == Study.patient_key)
        .join(read, read.c.study_key == Study.id)
        .join(Result, Result.id == read.c.result)
        .outerjoin(Report, Report.study_key == Study.id)
        .outerjoin(newest, newest.c.report_key == Report.id)
        .outerjoin(Signing, Signing.id == newest.c.id)
        .order_by(func.coalesce(Signing.signed_at, Result.created_at).desc(), Study.id.desc())
        .limit(limit)
    )
    if within is not None:
        statement = statement.where(within)
    if states:
        statement = statement.where(state.in_(states))
    if study_uid is not None:
        statement = statement.where(Study.study_uid == study_uid)
    if search.strip():
        wanted = search.strip()
        statement = statement.where(
            or_(
                Patient.name_folded.contains(folded(wanted), autoescape=True),
                Patient.patient_id == wanted,
                Study.accession_number == wanted,
            )
        )
    rows: Any = connection.execute(statement).mappings()
    return tuple(ListedReport(**row) for row in rows)
