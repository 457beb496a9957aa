"""What every page says of emergency access: one's own while it is open, and to auditors what nobody has looked at."""

from fastapi import Request

from firstread.access import Action
from firstread.access.rights.break_glass import Breaking, count_unseen, open_of
from firstread.archive.database import reading
from firstread.errors import ArchiveUnavailable
from firstread.web.pages.navigation import may


def own_glass(request: Request) -> list[Breaking]:
    """Return what whoever asks may look at through broken glass now."""
    actor = getattr(request.state, "actor", None)
    if actor is None or actor.kind != "person":
        return []
    try:
        with reading(request.app.state.archive.engine) as connection:
            return open_of(connection, actor)
    except ArchiveUnavailable:  # the page that says so has this banner too
        return []


def unseen_glass(request: Request) -> int:
    """Return how often the glass was broken without an auditor having looked at it; 0 to who is no auditor."""
    if getattr(request.state, "actor", None) is None or may(request, Action.READ_AUDIT) is None:
        return 0
    with reading(request.app.state.archive.engine) as connection:
        return count_unseen(connection)


def may_break_glass(request: Request) -> bool:
    """Tell whether whoever asks can break the glass: a person, whose right it is."""
    actor = getattr(request.state, "actor", None)
    return actor is not None and actor.kind == "person" and may(request, Action.BREAK_GLASS) is not None
