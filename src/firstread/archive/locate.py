"""Where the files of instances are: what C-MOVE, C-GET and storage commitment ask the archive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from firstread.archive.models import Instance
from firstread.archive.query import find

PORTION = 500


@dataclass(frozen=True)
class Located:
    """Version 1 of an instance: its UIDs, transfer syntax, the name of its file, and its size (bytes)."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    file: str
    size: int


def locate(connection: Connection, uids: Sequence[str]) -> dict[str, Located]:
    """Return the instances of these SOP Instance UIDs that are stored, by UID."""
    found: dict[str, Located] = {}
    for at in range(0, len(uids), PORTION):
        statement = select(
            Instance.sop_class_uid,
            Instance.sop_instance_uid,
            Instance.transfer_syntax_uid,
            Instance.file,
            Instance.size,
        ).where(Instance.sop_instance_uid.in_(uids[at : at + PORTION]), Instance.version == 1)
        for row in connection.execute(statement):
            found[row.sop_instance_uid] = Located(*row)
    return found


def locate_matches(
    connection: Connection, keys: Mapping[str, str], *, limit: int | None = None
) -> list[Located]:
    """Return the instances that match, by series and number; see `firstread.archive.query.find`.

    Raises:
        UsageError: a keyword is unknown, or a value cannot be matched.
    """
    uids = [str(row["SOPInstanceUID"]) for row in find(connection, "instance", keys, limit=limit)]
    found = locate(connection, uids)
    return [found[uid] for uid in uids if uid in found]
