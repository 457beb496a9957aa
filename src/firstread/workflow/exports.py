"""Studies on their way to research projects, as rows: made once for what is there, listed, and tried again."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from firstread.archive import OWN_SOURCE, Archive
from firstread.archive.columns import new_token
from firstread.archive.database import reading, writing
from firstread.archive.models import Instance, Series, Study
from firstread.research.models import Deidentification, ResearchProject
from firstread.workflow.routes import PlannedExport

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExportStatus:
    """A study on its way to a project; `error` is that of the last try and names no patient."""

    id: int
    study_uid: str
    project: str
    destination: str
    state: str
    attempts: int
    instances: int
    refused: int
    created_at: datetime
    next_try_at: datetime | None
    error: str


def add_exports(connection: Connection, study_key: int, exports: Sequence[PlannedExport]) -> None:
    """Make a row for each project and destination, where the same instances have none yet.

    A route to a project that is not there makes none, and says so in the log.
    """
    make: Any = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    for export in exports:
        project = connection.execute(
            select(ResearchProject.id).where(ResearchProject.name == export.project)
        ).scalar_one_or_none()
        if project is None:
            _log.warning("a route names the project %s, which is not there", export.project)
            continue
        rows = connection.execute(_instances(study_key, export.series)).all()
        content = sha256("\n".join(row.sop_instance_uid for row in rows).encode()).hexdigest()
        for destination in export.destinations:
            row = {
                "study_key": study_key,
                "project_key": project,
                "destination": destination,
                "route": export.route,
                "series": json.dumps(export.series),
                "content": content,
            }
            connection.execute(
                make(Deidentification)
                .values(row)
                .on_conflict_do_nothing(index_elements=["study_key", "project_key", "destination", "content"])
            )


def files_to_export(connection: Connection, study_key: int, series: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the files in the archive, without firstread's own results."""
    return tuple(row.file for row in connection.execute(_instances(study_key, series)))


def list_exports(
    archive: Archive,
    *,
    project: str | None = None,
    limit: int = 100,
    within: ColumnElement[bool] | None = None,
) -> list[ExportStatus]:
    """Return studies on their way, newest first.

    Args:
        archive: Where they are.
        project: Only to this one.
        limit: So many at most.
        within: What a study must fulfil to be seen; None: nothing.

    Raises:
        ArchiveUnavailable: the database does not answer.
    """
    statement = (
        select(
            Deidentification.id,
            Study.study_uid,
            ResearchProject.name.label("project"),
            Deidentification.destination,
            Deidentification.state,
            Deidentification.attempts,
            Deidentification.instances,
            Deidentification.refused,
            Deidentification.created_at,
            Deidentification.next_try_at,
            Deidentification.error,
        )
        .join(Study, Study.id == Deidentification.study_key)
        .join(ResearchProject, ResearchProject.id == Deidentification.project_key)
        .order_by(Deidentification.id.desc())
        .limit(limit)
    )
    if project is not None:
        statement = statement.where(ResearchProject.name == project)
    if within is not None:
        statement = statement.where(within)
    with reading(archive.engine) as connection:
        return [ExportStatus(**row) for row in connection.execute(statement).mappings()]


def retry_exports(
    archive: Archive, ids: Sequence[int] = (), *, within: ColumnElement[bool] | None = None
) -> tuple[int, ...]:
    """Let studies be tried again, at once; return which. Without numbers: all that failed.

    Raises:
        ArchiveUnavailable: the database does not answer.
    """
    chosen: ColumnElement[bool] = (
        and_(Deidentification.id.in_(ids), Deidentification.state != "done")
        if ids
        else Deidentification.state == "failed"
    )
    made = []
    with writing(archive.engine) as connection:
        statement = (
            select(Deidentification.id)
            .join(Study, Study.id == Deidentification.study_key)
            .where(chosen, *(() if within is None else (within,)))
        )
        for number in connection.execute(statement).scalars().all():
            values = {"state": "waiting", "attempts": 0, "next_try_at": None, "workflow_id": new_token()}
            connection.execute(update(Deidentification).where(Deidentification.id == number).values(values))
            made.append(number)
    return tuple(made)


def _instances(study_key: int, series: Sequence[str]) -> Any:  # noqa: ANN401 - SQLAlchemy's statement
    return (
        select(Instance.sop_instance_uid, Instance.file)
        .join(Series, Series.id == Instance.series_key)
        .where(
            Series.study_key == study_key,
            Series.series_uid.in_(series),
            Instance.version == 1,
            Instance.source != OWN_SOURCE,
        )
        .order_by(Instance.sop_instance_uid)
    )
