"""Projects and data sets: studies that belong together whatever their department."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, delete, func, insert, select

from firstread.access.rights.models import CollectedStudy, Collection, Holding
from firstread.archive.models import Study
from firstread.errors import UsageError

CollectionKind = Literal["project", "dataset"]


@dataclass(frozen=True)
class Collected:
    """A collection and how many studies it has."""

    name: str
    studies: int


def list_collections(connection: Connection, kind: CollectionKind) -> list[Collected]:
    """Return the projects or the data sets."""
    rows = connection.execute(
        select(Collection.name, func.count(CollectedStudy.id))
        .outerjoin(CollectedStudy, CollectedStudy.collection_key == Collection.id)
        .where(Collection.kind == kind)
        .group_by(Collection.name)
        .order_by(Collection.name)
    )
    return [Collected(name, count) for name, count in rows]


def add_collection(connection: Connection, kind: CollectionKind, name: str) -> None:
    """Make a project or a data set.

    Raises:
        UsageError: there is one of this name, or it is none.
    """
    name = name.strip()
    if not name or not name.isprintable() or ";" in name or name == "mine" or len(name) > 256:
        raise UsageError("This cannot be a name.", remedy="It has no ; and is not mine.")
    if _key(connection, kind, name) is not None:
        raise UsageError(f"There is a {kind} of this name already.")
    connection.execute(insert(Collection).values(kind=kind, name=name))


def remove_collection(connection: Connection, kind: CollectionKind, name: str) -> None:
    """Remove a project or a data set; its studies stay in the archive.

    Raises:
        UsageError: there is none of this name.
    """
    connection.execute(delete(Collection).where(Collection.id == _needed(connection, kind, name)))
    connection.execute(delete(Holding).where(Holding.kind == kind, Holding.value == name.strip()))


def add_study(connection: Connection, kind: CollectionKind, name: str, study_uid: str) -> None:
    """Put a study into a collection; where it is in it already, nothing changes.

    Raises:
        UsageError: there is no such collection, or no such study.
    """
    collection, study = _needed(connection, kind, name), _study(connection, study_uid)
    same = (CollectedStudy.collection_key == collection, CollectedStudy.study_key == study)
    if connection.execute(select(CollectedStudy.id).where(*same)).first() is None:
        connection.execute(insert(CollectedStudy).values(collection_key=collection, study_key=study))


def remove_study(connection: Connection, kind: CollectionKind, name: str, study_uid: str) -> None:
    """Take a study out of a collection.

    Raises:
        UsageError: it is not in it.
    """
    collection, study = _needed(connection, kind, name), _study(connection, study_uid)
    same = (CollectedStudy.collection_key == collection, CollectedStudy.study_key == study)
    if connection.execute(delete(CollectedStudy).where(*same)).rowcount == 0:
        raise UsageError(f"The {kind} does not have this study.")


def _key(connection: Connection, kind: CollectionKind, name: str) -> int | None:
    same = (Collection.kind == kind, Collection.name == name.strip())
    return connection.execute(select(Collection.id).where(*same)).scalar_one_or_none()


def _needed(connection: Connection, kind: CollectionKind, name: str) -> int:
    key = _key(connection, kind, name)
    if key is None:
        raise UsageError(f"There is no such {kind}.", remedy=f"`firstread access {kind}s` lists them.")
    return key


def _study(connection: Connection, study_uid: str) -> int:
    key = connection.execute(select(Study.id).where(Study.study_uid == study_uid)).scalar_one_or_none()
    if key is None:
        raise UsageError("The archive has no such study.", remedy="`firstread archive list` shows them.")
    return key
