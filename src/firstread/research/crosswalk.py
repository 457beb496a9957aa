"""The crosswalk: what a project's pseudonyms stand for. Reading it is a right of its own, and is audited."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects import postgresql, sqlite

from firstread.access import Actor
from firstread.access.audit import Event, EventCode, record
from firstread.archive.database import reading, writing
from firstread.dicom.deidentify.folder import Original
from firstread.research.models import CrosswalkEntry
from firstread.research.projects import Project, entry_place
from firstread.research.sealed import Seal

_PATIENT = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate")


@dataclass(frozen=True)
class Explained:
    """A pseudonym and what it stands for: `original` by DICOM keyword."""

    kind: str
    pseudonym: str
    original: dict[str, str] = field(repr=False)


def keep(connection: Connection, seal: Seal, project: Project, originals: Iterable[Original]) -> None:
    """Write what pseudonyms stand for, each once, in the caller's transaction."""
    make: Any = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    for each in originals:
        token = project.pseudonyms.token(each.kind, each.original)
        content = json.dumps(_said(each), ensure_ascii=False).encode()
        row = {
            "project_key": project.id,
            "kind": each.kind,
            "token": token,
            "pseudonym": each.pseudonym,
            "sealed": seal.close(content, entry_place(project.id, each.kind, token)),
            "sealer": seal.name,
        }
        connection.execute(
            make(CrosswalkEntry)
            .values(row)
            .on_conflict_do_nothing(index_elements=["project_key", "kind", "token"])
        )


def explain(
    engine: Engine, seal: Seal, project: Project, *, actor: Actor, pseudonyms: Sequence[str] = ()
) -> list[Explained]:
    """Return what pseudonyms stand for, all of a project or these; that it was asked is on record before it is told.

    Raises:
        Unopenable: an entry was sealed with another key, or changed.
        ArchiveUnavailable: it cannot be recorded.
    """
    statement = select(CrosswalkEntry.__table__).where(CrosswalkEntry.project_key == project.id)
    if pseudonyms:
        statement = statement.where(CrosswalkEntry.pseudonym.in_(pseudonyms))
    with reading(engine) as connection:
        rows = connection.execute(statement.order_by(CrosswalkEntry.kind, CrosswalkEntry.pseudonym)).all()
    found = [
        Explained(
            row.kind,
            row.pseudonym,
            json.loads(seal.open(row.sealed, entry_place(row.project_key, row.kind, row.token))),
        )
        for row in rows
    ]
    happened = Event(
        EventCode.PATIENT_RECORD,
        "R",
        0,
        actor,
        patients=sorted({each.original["PatientID"] for each in found if each.original.get("PatientID")}),
        studies=sorted(each.original["StudyInstanceUID"] for each in found if each.kind == "study"),
        detail={"crosswalk": project.name, "entries": str(len(found))},
    )
    with writing(engine) as connection:
        record(connection, happened)
    return found


def _said(each: Original) -> dict[str, str]:
    match each.kind:
        case "patient":
            return dict(zip(_PATIENT, each.detail.split("\x1f"), strict=True))
        case "study":
            return {"StudyInstanceUID": each.original, "AccessionNumber": each.detail}
        case _:
            return {"SeriesInstanceUID": each.original}
