"""The last line: what fails unexpectedly is logged by its kind alone, and every answer says that it is private."""

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger("firstread.web")
_HEADERS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
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
                message = {**message, "headers": [*message.get("headers", []), *_HEADERS]}
            await send(message)

        try:
            await self._app(scope, receive, marked)
        except Exception as error:
            _log.error("a request failed with %s", type(error).__name__)
            if not begun:
                json = (b"content-type", b"application/json")
                await marked({"type": "http.response.start", "status": 500, "headers": [json]})
                await send({"type": "http.response.body", "body": _FAILED})
