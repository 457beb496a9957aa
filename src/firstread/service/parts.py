"""The parts that a process is made of; each listens or works in threads of its own from its making to `stop`."""

import threading
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from time import sleep
from typing import Any, Protocol

from starlette.types import ASGIApp

from firstread.archive import Archive
from firstread.errors import FirstreadError
from firstread.network import Node
from firstread.network.configured import listening_of
from firstread.settings import Settings
from firstread.web.listen import listen, service

_ANSWER_S = 5.0


class Part(Protocol):
    """What runs."""

    name: str

    def facts(self) -> dict[str, Any]:
        """Return what programs want to know of it: where it listens."""

    def wrong(self) -> str | None:
        """Return in a few words what is wrong; None: it is ready."""

    def alive(self) -> bool:
        """Tell whether it answers; one that does not needs the process to be started again."""

    def stop(self, grace_s: float) -> None:
        """Take no more work, let what is under way be finished within the seconds, and end."""


class DicomPart:
    """The DICOM node."""

    name = "scp"

    def __init__(self, archive: Archive, settings: Settings) -> None:
        self.listening = listening_of(settings)
        self._node = Node(archive, self.listening)

    def facts(self) -> dict[str, Any]:
        """Return the AE title, the address and the port."""
        return {
            "ae_title": self.listening.ae_title,
            "host": self.listening.host,
            "port": self._node.port,
        }

    def wrong(self) -> str | None:
        """Tell whether it listens."""
        return None if self._node.listening else "does not listen"

    def alive(self) -> bool:
        """Tell whether it listens."""
        return self._node.listening

    def stop(self, grace_s: float) -> None:
        """Close the node."""
        self._node.close(grace_s=grace_s)


class WebPart:
    """An HTTP server; api: DICOMweb and the health checks; health: these alone."""

    def __init__(self, name: str, app: ASGIApp, host: str, port: int) -> None:
        self.name = name
        self._socket = listen(host, port)
        self._host, self._port = host, self._socket.getsockname()[1]
        self._server = service(app)
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
        return {self.name: {"host": self._host, "port": self._port}}

    def wrong(self) -> str | None:
        """Tell whether the server runs; that it is asked shows that it answers."""
        return None if self._thread.is_alive() else "does not run"

    def alive(self) -> bool:
        """Tell whether it answers a request."""
        with (
            suppress(OSError, HTTPException),
            closing(HTTPConnection(self._host, self._port, timeout=_ANSWER_S)) as connection,
        ):
            connection.request("GET", "/health/live")
            return bool(connection.getresponse().status)  # whichever: a server that is busy answers 503
        return False

    def stop(self, grace_s: float) -> None:
        """Stop the server."""
        self._server.config.timeout_graceful_shutdown = max(1, round(grace_s))
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
