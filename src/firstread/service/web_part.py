"""The web server as a part of a process; apart from the others, which start without what it loads."""

import ssl
import threading
from contextlib import closing, suppress
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from time import sleep
from typing import Any

from starlette.types import ASGIApp

from firstread.access.accounts.oidc import Relying
from firstread.access.door import RightsDoor
from firstread.access.people import authenticate
from firstread.access.rights import Rights
from firstread.archive import Archive
from firstread.errors import FirstreadError
from firstread.network.tls import LiveContext, TLSFiles
from firstread.settings import Settings
from firstread.web import create_app
from firstread.web.health import Health, create_health_app
from firstread.web.listen import listen, service

_ANSWER_S = 5.0


class WebPart:
    """An HTTP server; api: DICOMweb and the health checks; health: these alone."""

    def __init__(
        self, name: str, app: ASGIApp, host: str, port: int, certificate: LiveContext | None = None
    ) -> None:
        self.name = name
        self._certificate = certificate
        self._socket = listen(host, port)
        self._host, self._port = host, self._socket.getsockname()[1]
        self._server = service(app, tls=certificate.context if certificate else None)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name=f"web-{name}", daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            sleep(0.01)
        if not self._server.started:
            self._socket.close()
            raise FirstreadError(f"The web server ({name}) did not start.", remedy="See the log.")

    def facts(self) -> dict[str, Any]:
        """Return the address and the port."""
        scheme = "https" if self._certificate else "http"
        return {self.name: {"host": self._host, "port": self._port, "scheme": scheme}}

    def wrong(self) -> str | None:
        """Tell whether the server runs; that it is asked shows that it answers."""
        return None if self._thread.is_alive() else "does not run"

    def alive(self) -> bool:
        """Tell whether it answers a request."""
        with (
            suppress(OSError, HTTPException),
            closing(self._connection()) as connection,
        ):
            connection.request("GET", "/health/live")
            return bool(connection.getresponse().status)  # whichever: a server that is busy answers 503
        return False

    def renew(self) -> None:
        """Take a certificate that has changed."""
        if self._certificate is not None:
            self._certificate.renew()

    def _connection(self) -> HTTPConnection:
        if self._certificate is None:
            return HTTPConnection(self._host, self._port, timeout=_ANSWER_S)
        # This process asks itself; whose certificate it is, is others' to check.
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        return HTTPSConnection(self._host, self._port, timeout=_ANSWER_S, context=trusting)

    def stop(self, grace_s: float) -> None:
        """Stop the server."""
        self._server.config.timeout_graceful_shutdown = max(1, round(grace_s))
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


def web_part(archive: Archive, settings: Settings, health: Health, *, with_api: bool) -> WebPart:
    """Return the server of a process: DICOMweb and the health checks, or these alone.

    Raises:
        UsageError: its port is taken, or is not this process's to take; or the OpenID provider's settings cannot be
            used.
    """
    if with_api:
        door = RightsDoor(
            Rights(archive.engine),
            partial(authenticate, engine=archive.engine, settings=settings),
            local_roles=frozenset(settings.api_local_roles),
        )
        app = create_app(archive, door=door, health=health, settings=settings)
        if settings.oidc_issuer is not None:
            app.state.relying = Relying(settings)
        files = TLSFiles(settings.api_tls_certificate, settings.api_tls_key)
        certificate = LiveContext(files) if files.certificate else None
        return WebPart("api", app, settings.api_host, settings.api_port, certificate)
    return WebPart("health", create_health_app(health), settings.api_host, settings.health_port or 0)
