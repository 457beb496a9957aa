"""Server-sent events: notices on their way to the browsers that may have them (HTML standard, section 9.2).

Any process writes a notice with what it tells of, in one transaction (`firstread.archive.notices.tell`); each process
with the role api looks for new ones as long as somebody listens, and passes on what each listener may know.
"""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Engine, func, select
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from firstread.access import Action, Grant, needs
from firstread.access.gate import Denied
from firstread.archive.database import reading
from firstread.archive.models import Notice, Study
from firstread.archive.notices import forget_notices, tell
from firstread.errors import ArchiveUnavailable

__all__ = ["ENDLESS", "EventHub", "router", "tell"]

POLL_S = 0.25
BEAT_S = 15.0
"""A listener gets a sign of life so often, and its rights are looked at anew."""
BEGIN_S = 15.0
"""So long a listener waits for the database before it is told to come again."""
GAP_S = 30.0
"""So long a number that was left out may still come: a transaction that took it can end later than the next."""
MOST_WAITING = 200
ENDLESS = "firstread.endless"
"""Key in the scope of a request whose answer ends only with its connection."""
_FORGET_EVERY_S = 120.0
_KEYS_AT_ONCE = 500

_log = logging.getLogger("firstread.web")


@dataclass(eq=False)
class _Listener:
    """One open page: what it may know is asked of the door, and kept for `BEAT_S`."""

    admit: Callable[[Action], Grant]
    loop: asyncio.AbstractEventLoop
    queue: "asyncio.Queue[str]" = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))
    grants: dict[str, tuple[float, Grant | None]] = field(default_factory=dict)

    def grant(self, needed: str) -> Grant | None:
        """Return what the listener may see of notices that need a right; None: nothing."""
        known = self.grants.get(needed)
        if known is not None and time.monotonic() - known[0] < BEAT_S:
            return known[1]
        try:
            found: Grant | None = self.admit(Action(needed))
        except (Denied, ValueError):
            found = None
        self.grants[needed] = (time.monotonic(), found)
        return found

    def put(self, message: str) -> None:
        """Hand a message over to the loop that sends it; a page that does not keep up is told to load anew."""

        def put() -> None:
            if self.queue.full():
                while not self.queue.empty():
                    self.queue.get_nowait()
                self.queue.put_nowait(_message("reset", {}))
            else:
                self.queue.put_nowait(message)

        with suppress(RuntimeError):  # the loop has ended
            self.loop.call_soon_threadsafe(put)


class EventHub:
    """The listeners of a process, and the thread that looks for notices while there are any."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._listeners: set[_Listener] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._begun = threading.Event()
        self._floor = 0
        self._seen: dict[int, float] = {}
        self._forgot_at = time.monotonic()

    def listen(self, admit: Callable[[Action], Grant]) -> _Listener:
        """Add a listener, from its loop."""
        listener = _Listener(admit, asyncio.get_running_loop())
        with self._changed:
            self._listeners.add(listener)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="firstread events", daemon=True)
                self._thread.start()
            self._changed.notify()
        return listener

    def begun(self) -> bool:
        """Wait until nothing that is written from now on is missed; False where the database does not answer."""
        return self._begun.wait(BEGIN_S)

    def leave(self, listener: _Listener) -> None:
        """Remove a listener."""
        with self._changed:
            self._listeners.discard(listener)

    def close(self) -> None:
        """Look no more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._listeners:
                    self._begun.clear()
                self._changed.wait_for(lambda: self._closed or self._listeners, None)
                if self._closed:
                    return
                listeners = tuple(self._listeners)
            try:
                if not self._begun.is_set():
                    self._begin()
                    self._begun.set()
                self._pass_on(listeners)
                self._forget()
            except ArchiveUnavailable:
                pass  # they are told when it is back
            except Exception as problem:  # its text could quote the input; the next round may succeed
                _log.error("events: unexpected %s", type(problem).__name__)
            with self._changed:
                self._changed.wait_for(lambda: self._closed, POLL_S)

    def _begin(self) -> None:
        with reading(self._engine) as connection:
            self._floor = connection.execute(select(func.coalesce(func.max(Notice.id), 0))).scalar_one()
        self._seen = {}

    def _new(self) -> Sequence[Any]:
        """Return the notices that came since the last time, those too that were committed after a later number."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(Notice.id, Notice.kind, Notice.study_key, Notice.needs, Notice.account, Notice.content)
                .where(Notice.id > self._floor)
                .order_by(Notice.id)
            ).all()
        present = time.monotonic()
        new = [row for row in rows if row.id not in self._seen]
        self._seen |= {row.id: present for row in new}
        for key in sorted(self._seen):
            if key == self._floor + 1 or present - self._seen[key] > GAP_S:
                self._floor = key
                del self._seen[key]
            else:
                break
        return new

    def _pass_on(self, listeners: Iterable[_Listener]) -> None:
        new = self._new()
        if not new:
            return
        for listener in listeners:
            for message in self._messages(new, listener):
                listener.put(message)

    def _messages(self, new: Sequence[Any], listener: _Listener) -> list[str]:
        """Return what one listener is told: changes of studies as one message, everything else each by itself."""
        changed: dict[str, None] = {}
        messages = []
        uids: dict[str, dict[int, str]] = {}
        for row in new:
            grant = listener.grant(row.needs)
            if grant is None or (row.account is not None and row.account != grant.actor.account):
                continue
            if row.needs not in uids:
                uids[row.needs] = self._visible({each.study_key for each in new if each.study_key}, grant)
            study = uids[row.needs].get(row.study_key) if row.study_key is not None else None
            if row.study_key is not None and study is None:
                continue
            if row.kind == "study" and study is not None:
                changed[study] = None
                continue
            content = json.loads(row.content)
            messages.append(_message(row.kind, {**content, "study": study} if study else content))
        if changed:
            messages.insert(0, _message("study", {"studies": list(changed)}))
        return messages

    def _visible(self, keys: set[int], grant: Grant) -> dict[int, str]:
        found: dict[int, str] = {}
        ordered = sorted(keys)
        with reading(self._engine) as connection:
            for at in range(0, len(ordered), _KEYS_AT_ONCE):
                statement = select(Study.id, Study.study_uid).where(
                    Study.id.in_(ordered[at : at + _KEYS_AT_ONCE])
                )
                if grant.within is not None:
                    statement = statement.where(grant.within)
                found |= {row.id: row.study_uid for row in connection.execute(statement)}
        return found

    def _forget(self) -> None:
        if time.monotonic() - self._forgot_at > _FORGET_EVERY_S:
            self._forgot_at = time.monotonic()
            forget_notices(self._engine)


def _message(kind: str, content: dict[str, Any]) -> str:
    return f"event: {kind}\ndata: {json.dumps(content)}\n\n"


class _Stream(Response):
    """An answer that goes on until the page is closed, the server stops, or nobody is logged in any more."""

    def __init__(self, hub: EventHub, admit: Callable[[Action], Grant]) -> None:
        super().__init__()
        self._hub = hub
        self._admit = admit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what comes."""
        scope[ENDLESS] = True
        headers = [
            (b"content-type", b"text/event-stream"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        listener = self._hub.listen(self._admit)
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await self._send(listener, send, leaving)
        finally:
            leaving.cancel()
            self._hub.leave(listener)

    async def _send(self, listener: _Listener, send: Send, leaving: "asyncio.Future[None]") -> None:
        async def say(text: str, *, more: bool = True) -> None:
            await send({"type": "http.response.body", "body": text.encode(), "more_body": more})

        if not await run_in_threadpool(self._hub.begun):
            await say("retry: 2000\n\n", more=False)
            return
        await say("retry: 2000\n" + _message("hello", {}))
        while True:
            coming = asyncio.ensure_future(listener.queue.get())
            waiting: set[asyncio.Future[Any]] = {coming, leaving}
            done, _ = await asyncio.wait(waiting, timeout=BEAT_S, return_when=asyncio.FIRST_COMPLETED)
            if leaving in done:
                coming.cancel()
                return
            if coming in done:
                await say(coming.result())
                continue
            coming.cancel()
            if await run_in_threadpool(listener.grant, Action.READ_STUDY) is None:
                await say(_message("left", {}), more=False)
                return
            await say(": \n\n")


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


router = APIRouter(include_in_schema=False)


@router.get("/events")
async def events(request: Request, grant: Annotated[Grant, Depends(needs(Action.READ_STUDY))]) -> Response:
    """Tell what happens as it happens. That rights are looked at anew is no sign that somebody is at work."""
    door: Any = request.app.state.door
    return _Stream(request.app.state.events, lambda action: door.admit(request, action))
