"""pynetdicom's application entity, set up once: quiet about patients, bytes as they are, every storage class."""

import logging
import socket
from contextlib import suppress
from typing import Any

from pynetdicom import AE, _config
from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

from firstread.network.answers import keep_answers
from firstread.network.sending import send_stored

_config.LOG_HANDLER_LEVEL = "none"
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False
_config.STORE_SEND_CHUNKED_DATASET = True
_config.UNRESTRICTED_STORAGE_SERVICE = True
# Its messages quote what peers sent; ours say what an operator needs.
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)


def _close(connection: AssociationSocket) -> None:
    """Close a socket, also one that was never connected: pynetdicom 3.0 leaves that open."""
    if connection.socket is not None:
        with suppress(OSError):
            connection.socket.shutdown(socket.SHUT_RDWR)
        connection.socket.close()


AssociationSocket._shutdown_socket = _close  # type: ignore[method-assign,assignment]


class Entity(AE):
    """An application entity whose calls send stored files unchanged.

    Args:
        ae_title: Its own.
        pdu_bytes: Largest PDU that it receives.
        seconds: How long it waits for a peer.
    """

    def __init__(self, ae_title: str, *, pdu_bytes: int = 131_072, seconds: float = 60.0) -> None:
        super().__init__(ae_title)
        self.maximum_pdu_size = pdu_bytes
        self.network_timeout = self.dimse_timeout = seconds
        self.acse_timeout = self.connection_timeout = min(seconds, 30.0)

    def associate(self, *args: Any, **options: Any) -> Association:  # noqa: ANN401 - as pynetdicom's
        """Call a peer; see pynetdicom."""
        made = super().associate(*args, **options)
        keep_answers(made)
        # Its C-MOVE sends through the association that this returns, and has no other hook.
        plain = made.send_c_store
        made.send_c_store = lambda dataset, *a, **o: send_stored(plain, dataset, *a, **o)  # type: ignore[method-assign]
        return made
