"""The last line: what fails unexpectedly is logged by its kind alone, and every answer says how it may be used."""

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger("firstread.web")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; media-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""Content-Security-Policy of every answer that has none of its own: no script or style but the package's files."""

_HEADERS = {
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    b"cache-control": b"no-store",
    b"content-security-policy": POLICY.encode(),
    b"referrer-policy": b"same-origin",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
}
"""Of every answer, unless it says otherwise itself."""
_HSTS = (b"strict-transport-security", b"max-age=31536000")
"""Over HTTPS: a browser that was here once comes over HTTPS only, for a year (RFC 6797)."""
_FAILED = b'{"error":"firstread failed.","remedy":"See its log."}'


class Guard:
    """Middleware around everything else.

    A server would log an exception with its text, which can quote a patient. An answer that had begun is cut off,
    so that the client sees that it is not whole.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def marked(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                own = list(message.get("headers", []))
                named = {name.lower() for name, _ in own}
                secure = [_HSTS] if scope.get("scheme") == "https" and _HSTS[0] not in named else []
                more = secure + [(name, value) for name, value in _HEADERS.items() if name not in named]
                message = {**message, "headers": [*own, *more]}
            await send(message)

        try:
            await self._app(scope, receive, marked)
        except Exception as error:
            _log.error("a request failed with %s", type(error).__name__)
            if not begun:
                json = (b"content-type", b"application/json")
                await marked({"type": "http.response.start", "status": 500, "headers": [json]})
                await send({"type": "http.response.body", "body": _FAILED})
