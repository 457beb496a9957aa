"""As whom the command line acts: the user of the operating system, with that user's rights.

A user without a role here has the administrator's: whoever can read the archive's files can read it all anyway.
"""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from firstread.access.action import Action
from firstread.access.actor import Actor

if TYPE_CHECKING:
    from firstread.access.gate import Grant
    from firstread.archive import Archive
    from firstread.settings import Settings


def me() -> Actor:
    """Return who calls."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container runs as a number that has no name
        name = "unknown"
    return Actor("local", name)


@contextmanager
def acting(action: Action, settings: "Settings | None" = None) -> Iterator[tuple["Archive", "Grant"]]:
    """Open the archive of the settings for one action, and yield it with what the caller may do it on.

    Raises:
        Denied: on nothing.
    """
    from firstread.access.rights import Rights
    from firstread.archive import archive_of
    from firstread.settings import load_settings

    with archive_of(settings or load_settings()) as archive:
        yield archive, Rights(archive.engine).grant(me(), action)
