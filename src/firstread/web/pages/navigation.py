"""The ways from page to page: those whose page this app has, and for which the actor has the right."""

from dataclasses import dataclass

from fastapi import Request
from starlette.routing import Match

from firstread.access import Action
from firstread.access.gate import Denied, Grant
from firstread.errors import ArchiveUnavailable


@dataclass(frozen=True)
class Way:
    """A page in the navigation; its text is `nav.NAME`, its picture the symbol of that name in icons.svg."""

    name: str
    path: str
    action: Action


WAYS = (
    Way("worklist", "/", Action.READ_STUDY),
    Way("alerts", "/alerts", Action.READ_ALERT),
    Way("reports", "/reports", Action.READ_REPORT),
    Way("jobs", "/jobs", Action.READ_JOB),
    Way("quality", "/quality", Action.SIGN_REPORT),
    Way("accounts", "/accounts", Action.MANAGE_ACCOUNTS),
    Way("rights", "/rights", Action.MANAGE_RIGHTS),
    Way("audit", "/audit", Action.READ_AUDIT),
    Way("emergencies", "/break-glass/log", Action.READ_AUDIT),
)


def ways(request: Request) -> list[Way]:
    """Return the ways that are open to whoever asks."""
    return [way for way in WAYS if has_page(request, way.path) and may(request, way.action) is not None]


def has_page(request: Request, path: str) -> bool:
    """Tell whether the app answers GET under a path; looked up once, so not for paths that a request brings."""
    known: dict[str, bool] | None = getattr(request.app.state, "has_pages", None)
    if known is None:
        known = request.app.state.has_pages = {}
    if path not in known:
        scope = {"type": "http", "path": path, "method": "GET", "headers": [], "root_path": ""}
        known[path] = any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes)
    return known[path]


def may(request: Request, action: Action) -> Grant | None:
    """Return what the door allows whoever asks to do, None where nothing; asked once a request.

    Nothing either while the database is away: the page that says so is a page, too.
    """
    known: dict[Action, Grant | None] | None = getattr(request.state, "grants", None)
    if known is None:
        known = request.state.grants = {}
    if action not in known:
        try:
            known[action] = request.app.state.door.admit(request, action)
        except (Denied, ArchiveUnavailable):
            known[action] = None
    return known[action]
