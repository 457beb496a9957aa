"""Where the files of instances are: what C-MOVE, C-GET and storage commitment ask the archive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from firstread.archive.matching import Condition
from firstread.archive.models import Instance, Series, Study
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


def locate(
    connection: Connection, uids: Sequence[str], *, within: Condition | None = None, sender: str | None = None
) -> dict[str, Located]:
    """Return the instances of these SOP Instance UIDs that are stored, by UID.

    Args:
        connection: From `reading`.
        uids: Of any instances.
        within: What a row of `Study` must fulfil; None: every study does.
        sender: Those that came from here are returned whatever their study.
    """
    conditions: list[Condition] = []
    if within is not None:
        seen = select(Study.id).join(Series, Series.study_key == Study.id)
        conditions.append(seen.where(Series.id == Instance.series_key, within).correlate(Instance).exists())
    if conditions and sender is not None:
        conditions = [or_(Instance.source == sender, *conditions)]
    found: dict[str, Located] = {}
    for at in range(0, len(uids), PORTION):
        statement = select(
            Instance.sop_class_uid,
            Instance.sop_instance_uid,
            Instance.transfer_syntax_uid,
            Instance.file,
            Instance.size,
        ).where(Instance.sop_instance_uid.in_(uids[at : at + PORTION]), Instance.version == 1, *conditions)
        for row in connection.execute(statement):
            found[row.sop_instance_uid] = Located(*row)
    return found


def locate_matches(
    connection: Connection,
    keys: Mapping[str, str],
    *,
    limit: int | None = None,
    within: Condition | None = None,
) -> list[Located]:
    """Return the instances that match, by series and number; see `firstread.archive.query.find`.

    Raises:
        UsageError: a keyword is unknown, or a value cannot be matched.
    """
    uids = [
        str(row["SOPInstanceUID"]) for row in find(connection, "instance", keys, limit=limit, within=within)
    ]
    found = locate(connection, uids)
    return [found[uid] for uid in uids if uid in found]
