"""A connection of the listener: no PDU of absurd length is taken, nobody waited for for ever, TCP answered at once."""

import logging
import select
import socket
from ssl import SSLSocket
from time import monotonic
from typing import cast

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

from firstread.network.acceptance import Acceptance

_log = logging.getLogger("firstread.network")
LARGEST_REQUEST = 1 << 20
"""Largest PDU whatever is negotiated: an A-ASSOCIATE-RQ of 128 contexts with every transfer syntax is below."""
# Linux; elsewhere delayed acknowledgements cost a sender that waits for them 40 ms a message.
_AT_ONCE = getattr(socket, "TCP_QUICKACK", None)


class BoundedSocket(AssociationSocket):
    """The socket of one association."""

    def __init__(self, association: Association, client: socket.socket, acceptance: Acceptance) -> None:
        self._idle_s = acceptance.idle_s
        # The negotiated maximum is that of the items; some peers count the header in, others do not.
        self._most = max(acceptance.pdu_bytes + 64, LARGEST_REQUEST)
        self._buffer = bytearray(acceptance.pdu_bytes + 64)
        client.settimeout(acceptance.idle_s)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(association, client_socket=client)

    @property
    def ready(self) -> bool:
        """Whether there is something to read; pynetdicom asks select, which knows no more than 1024 files."""
        if self.socket is None or not self._is_connected:
            return False
        if self.pending:
            return True
        poll = select.poll()
        try:
            poll.register(self.socket, select.POLLIN)
            return bool(poll.poll(0))
        except (OSError, ValueError):
            self.event_queue.put("Evt17")
            return False

    def recv(self, nr_bytes: int) -> memoryview:  # type: ignore[override]
        """Return so many bytes, or fewer where the peer closes; they are there until the next call.

        Raises:
            OSError: more than any PDU has, or the peer takes too long over it.
        """
        if nr_bytes > self._most:
            _log.warning("an association was aborted: it announced a PDU of %d bytes", nr_bytes)
            self.event_queue.put("Evt19")
            raise OSError("a PDU of absurd length")
        connection = cast(socket.socket, self.socket)
        # The same memory again: of new memory the system makes every page anew.
        view = memoryview(self._buffer if nr_bytes <= len(self._buffer) else bytearray(nr_bytes))[:nr_bytes]
        until = monotonic() + self._idle_s
        done = 0
        while done < nr_bytes:
            count = connection.recv_into(view[done:])
            if not count:
                break
            done += count
            if _AT_ONCE is not None:
                connection.setsockopt(socket.IPPROTO_TCP, _AT_ONCE, 1)
            if monotonic() > until:
                raise TimeoutError("a PDU that trickles")
        return view[:done]

    @property
    def pending(self) -> bool:
        """Whether TLS has decrypted bytes that the kernel does not show any more."""
        return isinstance(self.socket, SSLSocket) and bool(self.socket.pending())
