"""As whom the command line acts: the user of the operating system, with that user's rights, and on record.

A user without a role here has the administrator's: whoever can read the archive's files can read it all anyway.
"""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from firstread.access.action import Action
from firstread.access.this_user import this_user

if TYPE_CHECKING:
    from firstread.access.gate import Grant
    from firstread.archive import Archive
    from firstread.settings import Settings

_LONGEST = 4096  # characters of a command that are kept


@contextmanager
def acting(
    action: Action, settings: "Settings | None" = None, *, recorded: bool = True
) -> Iterator[tuple["Archive", "Grant"]]:
    """Open the archive of the settings for one action, and yield it with what the caller may do it on.

    Args:
        action: What is done.
        settings: Those of the installation where None are given.
        recorded: Have the audit trail say so before anything is done; else the caller does, by `record_command`.

    Raises:
        Denied: on nothing.
        ArchiveUnavailable: the trail cannot be written.
    """
    from firstread.access.gate import Denied
    from firstread.access.rights import Rights
    from firstread.archive import archive_of
    from firstread.settings import load_settings

    with archive_of(settings or load_settings()) as archive:
        try:
            grant = Rights(archive.engine).grant(this_user(), action)
        except Denied as error:
            record_command(archive, action, problem=error.message)
            raise
        if recorded:
            record_command(archive, action)
        yield archive, grant


def record_command(archive: "Archive", action: Action, *, problem: str = "") -> None:
    """Record what is done at the command line, with the words of the command: those that name a patient, too."""
    from firstread.access.audit import Event, EventCode, record_now
    from firstread.access.audit.kinds import kind_of
    from firstread.access.audit.subjects import patients_of
    from firstread.archive.database import reading
    from firstread.archive.uids import is_uid

    code, does = kind_of(action)
    arguments = sys.argv[1:]
    if arguments[:1] == ["backup"]:
        code, does = EventCode.EXPORT, "R"
    elif arguments[:1] == ["restore"] or action == Action.STORE_STUDY:
        code, does = EventCode.IMPORT, "C"
    if problem:
        code, does = EventCode.RESTRICTED_FUNCTION, "E"
    said = "query" if code is EventCode.QUERY else "command"
    detail = {"action": str(action), said: shlex.join(["firstread", *arguments])[:_LONGEST]}
    if problem:
        detail["problem"] = problem
    is_search = code is EventCode.AUDIT_LOG_USED  # what the trail is searched for is found in it already
    studies = [] if is_search else [each for each in arguments if "." in each and is_uid(each)]
    with reading(archive.engine) as connection:
        patients = patients_of(connection, studies) if studies and not problem else []
    event = Event(code, does, 4 if problem else 0, this_user(), patients, studies, detail)
    record_now(archive.engine, event, durable=True)
