"""The listening socket: who is not let in is cut off here, and no handshake keeps another waiting."""

import logging
import socket
import sys
from collections.abc import Sequence
from socketserver import BaseServer, TCPServer
from ssl import SSLContext, SSLError
from time import monotonic, sleep
from typing import Any, cast

from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from firstread.errors import UsageError
from firstread.network.acceptance import Acceptance
from firstread.network.acceptor import Acceptor
from firstread.network.room import Room
from firstread.network.wire import BoundedSocket

_log = logging.getLogger("firstread.network")
HANDSHAKE_S = 10.0
_CONNECTIONS_PER_ASSOCIATION = 2  # those that have not asked for an association yet hold threads too


class _Handler(RequestHandler):
    server: "Server"

    def _create_association(self) -> Association:
        server = self.server
        association = Acceptor(server.ae, server.acceptance, server.room)
        association._server = server
        association.name = "AcceptorThread"  # pynetdicom finds its associations by this name
        association.set_socket(
            BoundedSocket(association, cast(socket.socket, self.request), server.acceptance)
        )
        association.acceptor.maximum_length = server.ae.maximum_pdu_size
        association.acceptor.ae_title = server.ae_title
        association.acceptor.address_info = self.local
        association.acceptor.implementation_class_uid = server.ae.implementation_class_uid
        association.acceptor.implementation_version_name = server.ae.implementation_version_name
        association.acceptor.supported_contexts = server.contexts  # only read
        association.requestor.address_info = self.remote
        for event, handlers in server._handlers.items():
            if event.is_intervention:
                association.bind(event, *cast(Any, handlers))
            else:
                for handler in cast(Any, handlers):
                    association.bind(event, *handler)
        return association


class Server(ThreadedAssociationServer):
    """Takes connections from its making to `stop`.

    Raises:
        UsageError: the port is taken, or is not this process's to take.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        entity: ApplicationEntity,
        address: tuple[str, int],
        acceptance: Acceptance,
        *,
        tls: SSLContext | None,
        handlers: Sequence[tuple[evt.EventType, Any]],
    ) -> None:
        self.acceptance = acceptance
        self.room = Room(acceptance.memory_bytes)
        self._tls = tls
        self._greeting = Room(_CONNECTIONS_PER_ASSOCIATION * acceptance.associations)  # handshakes under way
        try:
            super().__init__(
                entity,
                address,
                entity.ae_title,
                entity.supported_contexts,
                evt_handlers=list(handlers),
                request_handler=_Handler,
            )
        except OSError as error:
            raise UsageError(
                f"Cannot listen on {address[0]} port {address[1]}: {error.strerror}.",
                remedy="Choose another port or address, or end what uses it.",
            ) from error

    @property
    def port(self) -> int:
        """The TCP port that it listens on."""
        return int(self.server_address[1])

    def stop(self, grace_s: float) -> None:
        """Take no more connections, let what is being received or sent be finished, and end the associations."""
        BaseServer.shutdown(self)
        TCPServer.server_close(self)
        until = monotonic() + grace_s
        while monotonic() < until and any(each.busy for each in self._acceptors()):
            sleep(0.02)
        for each in self._acceptors():
            each.abort()

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ANN401 - of socketserver
        """Tell whether a connection is taken."""
        if not self.acceptance.is_connected(client_address[0]):
            _log.warning(
                "a connection from %s, which is not in dicom_networks, was cut off", client_address[0]
            )
            return False
        most = _CONNECTIONS_PER_ASSOCIATION * self.acceptance.associations
        if len(self.active_associations) + self._greeting.taken >= most:
            _log.warning("a connection was cut off: there are %d already", most)
            return False
        return True

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - of socketserver
        """Make the association; in a thread of its own, so that a slow handshake keeps nobody else waiting."""
        if self._tls is not None:
            self._greeting.take(1)
            try:
                request.settimeout(HANDSHAKE_S)
                request = self._tls.wrap_socket(request, server_side=True)
            finally:
                self._greeting.give_back(1)
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - of socketserver
        """Say what went wrong, without a traceback: peers cause it."""
        error = sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1]
        what = getattr(error, "reason", None) if isinstance(error, SSLError) else None
        _log.warning("a connection failed before its association: %s", what or type(error).__name__)

    def _acceptors(self) -> list[Acceptor]:
        return [each for each in self.active_associations if isinstance(each, Acceptor)]
