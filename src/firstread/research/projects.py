"""Research projects: a name, a key that is made once, and the options of the profile."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from firstread.access import Actor
from firstread.access.audit import Event, EventCode, record
from firstread.archive.database import reading, writing
from firstread.dicom.deidentify.options import Option, options_of
from firstread.dicom.deidentify.pseudonyms import Pseudonyms, new_key
from firstread.errors import UsageError
from firstread.research.models import CrosswalkEntry, ResearchProject
from firstread.research.sealed import Seal

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Project:
    """A project that is ready to work: its number, name, options, and pseudonyms."""

    id: int
    name: str
    options: frozenset[Option]
    pseudonyms: Pseudonyms = field(repr=False)


@dataclass(frozen=True)
class ProjectStatus:
    """A project as it is listed: options, when it was made, how many patients and studies its crosswalk has."""

    name: str
    options: tuple[Option, ...]
    created_at: datetime
    patients: int
    studies: int


def add_project(engine: Engine, seal: Seal, name: str, options: frozenset[Option], *, actor: Actor) -> None:
    """Make a project with a key of its own.

    Raises:
        UsageError: the name is none, or another project has it.
    """
    if not _NAME.fullmatch(name):
        raise UsageError("A project's name has letters, digits, dots and hyphens, 64 at most.")
    row = {
        "name": name,
        "options": ",".join(sorted(options)),
        "sealed_key": seal.close(new_key(), _place(name)),
        "sealer": seal.name,
    }
    happened = Event(
        EventCode.SECURITY_CONFIGURATION, "C", 0, actor, detail={"project": name, "options": row["options"]}
    )
    try:
        with writing(engine) as connection:
            connection.execute(insert(ResearchProject).values(row))
            record(connection, happened)
    except IntegrityError:
        raise UsageError(f"There is a project {name} already.", remedy="Choose another name.") from None


def project_named(connection: Connection, seal: Seal, name: str) -> Project:
    """Return a project with its key opened.

    Raises:
        UsageError: there is none of this name.
        Unopenable: its key was sealed with another key.
    """
    row = connection.execute(
        select(ResearchProject.__table__).where(ResearchProject.name == name)
    ).one_or_none()
    if row is None:
        raise UsageError(
            f"There is no project {name[:64]!r}.", remedy="`firstread projects add NAME` makes one."
        )
    options = options_of([row.options])
    return Project(row.id, row.name, options, Pseudonyms(seal.open(row.sealed_key, _place(row.name))))


def list_projects(engine: Engine) -> list[ProjectStatus]:
    """Return the projects by name."""

    def count(kind: str):  # type: ignore[no-untyped-def] # noqa: ANN202
        return (
            select(func.count(CrosswalkEntry.id))
            .where(CrosswalkEntry.project_key == ResearchProject.id, CrosswalkEntry.kind == kind)
            .scalar_subquery()
        )

    statement = select(
        ResearchProject.name,
        ResearchProject.options,
        ResearchProject.created_at,
        count("patient").label("patients"),
        count("study").label("studies"),
    ).order_by(ResearchProject.name)
    with reading(engine) as connection:
        return [
            ProjectStatus(
                row.name, tuple(sorted(options_of([row.options]))), row.created_at, row.patients, row.studies
            )
            for row in connection.execute(statement)
        ]


def reseal(engine: Engine, former: Seal, new: Seal, *, actor: Actor) -> int:
    """Close everything with another key, all in one transaction, and return how many rows; the projects' keys stay.

    Raises:
        Unopenable: something was not sealed with the former key; nothing was changed.
    """
    with writing(engine) as connection:
        projects = connection.execute(select(ResearchProject.__table__)).all()
        entries: Sequence = connection.execute(select(CrosswalkEntry.__table__)).all()  # type: ignore[type-arg]
        for row in projects:
            sealed = new.close(former.open(row.sealed_key, _place(row.name)), _place(row.name))
            connection.execute(
                update(ResearchProject)
                .where(ResearchProject.id == row.id)
                .values(sealed_key=sealed, sealer=new.name)
            )
        for row in entries:
            place = entry_place(row.project_key, row.kind, row.token)
            sealed = new.close(former.open(row.sealed, place), place)
            connection.execute(
                update(CrosswalkEntry)
                .where(CrosswalkEntry.id == row.id)
                .values(sealed=sealed, sealer=new.name)
            )
        detail = {"key": new.name, "former": former.name}
        record(connection, Event(EventCode.SECURITY_CONFIGURATION, "U", 0, actor, detail=detail))
    return len(projects) + len(entries)


def _place(name: str) -> str:
    return f"research_project {name}"


def entry_place(project_key: int, kind: str, token: str) -> str:
    """Return what an entry of the crosswalk is bound to."""
    return f"crosswalk {project_key} {kind} {token}"
