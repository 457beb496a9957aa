"""The audit trail of what is asked for over HTTP: recorded before the answer goes out, or there is none."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firstread.access import Action, Actor
from firstread.access.audit import Event, EventCode, record_now
from firstread.access.audit.about import about
from firstread.access.audit.event import Outcome
from firstread.access.audit.kinds import kind_of
from firstread.access.audit.recently import Recently
from firstread.access.audit.subjects import patients_of
from firstread.archive.database import reading
from firstread.errors import FirstreadError
from firstread.network.dicomweb.problems import status_of

_SAFE = ("GET", "HEAD", "OPTIONS")
_TOLD_BY_THEMSELVES = (
    Action.DELETE_STUDY,
    Action.EDIT_REPORT,
    Action.SIGN_REPORT,
    Action.ACKNOWLEDGE_ALERT,
    Action.BREAK_GLASS,
)
"""Changes that are recorded in their own transaction; here only that they were refused or failed."""
_LONGEST = 4096  # characters of a query that are kept


class Audited:
    """Middleware: records what a route gave or changed, by the action that its door was asked for.

    What asks for no action, such as static files and health, is no access to patients' data. Where the event cannot
    be written, the answer is 503 and nothing of what was asked for.
    """

    def __init__(self, app: ASGIApp, engine: Engine) -> None:
        self._app = app
        self._engine = engine
        self._recently = Recently()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        about(scope)  # made here, so that it is the same for all that copy the scope
        scope.setdefault("state", {})
        withheld = False

        async def recorded(message: Message) -> None:
            nonlocal withheld
            if message["type"] == "http.response.start" and "action" in scope["state"]:
                try:
                    await self._record(scope, message["status"])
                except FirstreadError as error:
                    withheld = True
                    await _refuse(send, error)
            if not withheld:
                await send(message)

        await self._app(scope, receive, recorded)

    async def _record(self, scope: Scope, status: int) -> None:
        event, key = _event(scope, status)
        if event is None or (key is not None and self._recently.has(key)):
            return
        await run_in_threadpool(self._write, event)
        if key is not None:
            self._recently.add(key)

    def _write(self, event: Event) -> None:
        if event.studies and not event.outcome:
            with reading(self._engine) as connection:
                patients = patients_of(connection, event.studies)
            event = Event(
                event.code, event.does, event.outcome, event.actor, patients, event.studies, event.detail
            )
        record_now(self._engine, event, durable=event.does in "CUD")


def _event(scope: Scope, status: int) -> tuple[Event | None, Any]:
    """Return what to record, and the key under which it need not be recorded again for a while."""
    state: Mapping[str, Any] = scope["state"]
    known, action, actor = about(scope), state["action"], state.get("actor")
    if known.told:
        return None, None
    request = Request(scope)
    is_change = scope["method"] not in _SAFE
    sent_to_login = actor is None and status < 400  # a page; nothing else is given to nobody
    if actor is None:
        actor = Actor("person", "", address=request.client.host if request.client else "")
    if status in (401, 403) or sent_to_login:
        detail = {"action": str(action), "problem": "denied"}
        refused = Event(EventCode.RESTRICTED_FUNCTION, "E", 4, actor, detail=detail)
        return refused, None if is_change else (actor, actor.address, action, "denied")
    if status < 400 and is_change and action in _TOLD_BY_THEMSELVES:
        return None, None
    path_params: Mapping[str, Any] = scope.get("path_params", {})
    study = path_params.get("study") or path_params.get("study_uid") or path_params.get("uid")
    studies = dict(known.studies) or ({str(study): 0} if study else {})
    code, does = kind_of(action, one_study=bool(studies), only_read=not is_change)
    tags = getattr(scope.get("route"), "tags", [])
    if "search" in tags:
        code, does = EventCode.QUERY, "E"
    elif "retrieve" in tags:
        code = EventCode.INSTANCES_TRANSFERRED
    outcome: Outcome = 0 if status < 400 else 4 if status < 500 else 8
    detail = {"action": str(action), "method": scope["method"], **known.detail}
    if outcome:
        detail["problem"] = f"HTTP status {status}"
    if sum(studies.values()):
        detail["instances"] = str(sum(studies.values()))
    query = scope["query_string"].decode("latin-1")[:_LONGEST]
    if code is EventCode.QUERY:
        detail["query"] = f"{scope['path']}?{query}" if query else scope["path"]
    event = Event(code, does, outcome, actor, (), tuple(studies), detail)
    repeats = not is_change and not outcome and "search" not in tags
    asked = "" if studies else detail.get("query", scope["path"])
    return event, (actor, actor.address, code, tuple(studies), asked) if repeats else None


async def _refuse(send: Send, error: FirstreadError) -> None:
    body = json.dumps({"error": error.message, "remedy": error.remedy}).encode()
    headers = [(b"content-type", b"application/json"), (b"retry-after", b"10")]
    await send({"type": "http.response.start", "status": status_of(error), "headers": headers})
    await send({"type": "http.response.body", "body": body})
