"""Syslog over TLS: messages by RFC 5424, each with its length in front (RFC 5425), as PS3.15 A.6 has audit messages.

The protocol has no acknowledgement. What counts as sent is what the collector's host has acknowledged in TCP.
"""

import fcntl
import socket
import ssl
import struct
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from firstread.errors import FirstreadError, UsageError

PORT = 6514  # RFC 5425 section 4.1
_PRIORITY = 10 * 8 + 5  # facility security/authorization, severity notice: PS3.15 A.6
_SIOCOUTQ = 0x5411  # Linux: bytes that the peer has not acknowledged
_ANSWER_S = 20.0
_LOOK_S = 0.005


class CollectorAway(FirstreadError):
    """The collector of syslog messages cannot be reached, or broke off."""


@dataclass(frozen=True)
class Line:
    """A message: when it was (RFC 3339), the host that it is of, and what it says."""

    at: str
    host: str
    content: bytes


def framed(line: Line) -> bytes:
    """Return a message as it goes over the wire: its length, a space, and the message (RFC 5425 section 4.3)."""
    host = "".join(c for c in line.host if "!" <= c <= "~")[:255] or "-"
    head = f"<{_PRIORITY}>1 {line.at} {host} firstread - DICOM+RFC3881 - \ufeff"
    message = head.encode() + line.content
    return f"{len(message)} ".encode() + message


def parse_collector(text: str) -> tuple[str, int]:
    """Return host and port of `HOST` or `HOST:PORT`; an IPv6 address stands in brackets.

    Raises:
        UsageError: it is neither.
    """
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(PORT)
    if not host.strip("[]") or not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError("audit_syslog is no address.", remedy="Write HOST or HOST:PORT.")
    return host.strip("[]"), int(port)


class Collector:
    """A connection to a collector, made when it is needed.

    Args:
        host: Of the collector; its certificate must name it.
        port: TCP port.
        context: Of the call; see `firstread.network.tls.client_context`.
    """

    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        self._host, self._port, self._context = host, port, context
        self._connection: ssl.SSLSocket | None = None

    def send(self, lines: Iterable[Line]) -> None:
        """Send messages, and return when the collector's host has them.

        Raises:
            CollectorAway: it has not, or not all; they have to be sent again.
        """
        try:
            connection = self._connected()
            for line in lines:
                connection.sendall(framed(line))
            self._wait(connection)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            self.close()
            reason = (
                getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
            )
            raise CollectorAway(
                f"The collector of audit messages cannot be reached: {reason}.",
                remedy="See audit_syslog, and its certificate; the messages wait.",
            ) from None

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            with suppress(OSError):
                self._connection.close()
            self._connection = None

    def _connected(self) -> ssl.SSLSocket:
        if self._connection is not None and _is_over(self._connection):
            self.close()
        if self._connection is None:
            plain = socket.create_connection((self._host, self._port), timeout=_ANSWER_S)
            try:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                self._connection = self._context.wrap_socket(plain, server_hostname=self._host)
            except BaseException:
                plain.close()
                raise
        return self._connection

    def _wait(self, connection: ssl.SSLSocket) -> None:
        until = time.monotonic() + _ANSWER_S
        while struct.unpack("i", fcntl.ioctl(connection.fileno(), _SIOCOUTQ, b"\0" * 4))[0]:
            if time.monotonic() > until:
                raise TimeoutError
            time.sleep(_LOOK_S)
        if _is_over(connection):
            raise ConnectionResetError


def _is_over(connection: ssl.SSLSocket) -> bool:
    """Tell whether the collector has ended the connection: it says nothing else."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except (ssl.SSLWantReadError, BlockingIOError):
        return False
    finally:
        connection.settimeout(_ANSWER_S)
