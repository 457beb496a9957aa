"""Limits of what one caller may ask for: requests in a minute, and the size of what is no DICOM."""

import threading
from collections.abc import Callable
from hashlib import sha256
from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOGINS_PER_MINUTE = 30
"""Requests to log in that one address may make; accounts have a limit of their own (`access.accounts.attempts`)."""
LARGEST_BODY = 8 << 20
"""Bytes of a body that is not DICOM: forms and JSON. STOW-RS has limits of its own (`network.dicomweb.store`)."""
_LOGIN = ("/login", "/setup")
_DICOMWEB = "/dicom-web"
_HEALTH = "/health"
_CALLERS_OF_ADDRESS = 8
"""Callers behind one address, as of a department behind a proxy; nobody gets more by showing ever new cookies."""
_MOST_CALLERS = 50_000
_TOO_MANY = b'{"error":"Too many requests.","remedy":"Wait, and ask less often."}'
_TOO_LARGE = b'{"error":"The request is too large.","remedy":"Send less at once."}'


class Bucket:
    """So many requests in a minute for each caller, all of them at once if need be; of this process alone.

    Args:
        per_minute: Requests.
        clock: Seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = monotonic) -> None:
        self._most = float(per_minute)
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def wait_s(self, caller: str) -> float:
        """Take one request, and return 0; or the seconds until there is one."""
        at = self._clock()
        with self._lock:
            if len(self._left) >= _MOST_CALLERS:
                self._left = {name: each for name, each in self._left.items() if each[1] > at - 60.0}
                if len(self._left) >= _MOST_CALLERS:
                    self._left.clear()
            left, since = self._left.get(caller, (self._most, at))
            left = min(self._most, left + (at - since) * self._most / 60.0)
            if left < 1.0:
                self._left[caller] = (left, at)
                return (1.0 - left) * 60.0 / self._most
            self._left[caller] = (left - 1.0, at)
            return 0.0


class _TooLarge(Exception):
    pass


class Limits:
    """Middleware: answers 429 to who asks too often, and 413 to what is too large. Health checks are not counted."""

    def __init__(self, app: ASGIApp, *, per_minute: int) -> None:
        self._app = app
        self._requests = Bucket(per_minute)
        self._addresses = Bucket(_CALLERS_OF_ADDRESS * per_minute)
        self._logins = Bucket(LOGINS_PER_MINUTE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"].startswith(_HEALTH):
            await self._app(scope, receive, send)
            return
        wait = self._addresses.wait_s(_address(scope)) or self._requests.wait_s(_caller(scope))
        if not wait and scope["method"] == "POST" and scope["path"].startswith(_LOGIN):
            wait = self._logins.wait_s(_address(scope))
        if wait:
            await _answer(send, 429, _TOO_MANY, [(b"retry-after", str(int(wait) + 1).encode())])
        elif scope["path"].startswith(_DICOMWEB):
            await self._app(scope, receive, send)
        else:
            await self._bounded(scope, receive, send)

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > LARGEST_BODY:
            await _answer(send, 413, _TOO_LARGE, [(b"connection", b"close")])
            return
        size, begun = 0, False

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > LARGEST_BODY:
                raise _TooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, counted, watched)
        except _TooLarge:
            if not begun:
                await _answer(send, 413, _TOO_LARGE, [(b"connection", b"close")])


def _caller(scope: Scope) -> str:
    """Return who asks, before it is known whether they are who they say: by what they show, else by address."""
    for name, value in scope["headers"]:
        if name in (b"authorization", b"cookie"):
            return f"{_address(scope)} {sha256(value).hexdigest()}"
    return _address(scope)


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    kind = (b"content-type", b"application/json")
    await send({"type": "http.response.start", "status": status, "headers": [kind, *headers]})
    await send({"type": "http.response.body", "body": body})
