"""HL7 v2 over MLLP: a message out, its acknowledgement back (HL7 v2.5.1 chapter 2; MLLP release 1)."""

import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field

from firstread.network.failures import PassingFailure, PermanentFailure

START, END, RETURN = b"\x0b", b"\x1c", b"\r"
LARGEST_ANSWER = 1 << 16  # bytes


@dataclass(frozen=True)
class MllpPeer:
    """A system that takes HL7 v2 messages; `tls` is None where they travel in the clear."""

    host: str
    port: int
    timeout_s: float = 20.0
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    def send(self, message: str, control_id: str) -> None:
        """Send a message, and wait for the acknowledgement that it was taken: MSA-1 AA or CA, MSA-2 its control ID.

        Args:
            message: Segments that end in a carriage return, in UTF-8 (MSH-18 says so).
            control_id: MSH-10.

        Raises:
            PassingFailure: no connection, no answer in time, or AE, CE: try again, with the same control ID.
            PermanentFailure: AR, CR: it refused for good.
        """
        try:
            with (
                socket.create_connection((self.host, self.port), self.timeout_s) as plain,
                self._secured(plain) as connection,
            ):
                connection.settimeout(self.timeout_s)
                connection.sendall(START + message.encode() + END + RETURN)
                answer = _answer(connection)
        except OSError as error:  # ssl.SSLError is one
            reason = (
                "its certificate is not believed"
                if "CERTIFICATE_VERIFY" in str(error)
                else type(error).__name__
            )
            raise PassingFailure(f"{self.host} cannot be called: {reason}.") from None
        _check(answer, control_id, self.host)

    def _secured(self, connection: socket.socket) -> socket.socket:
        if self.tls is None:
            return connection
        return self.tls.wrap_socket(connection, server_hostname=self.host)


def _answer(connection: socket.socket) -> bytes:
    received = bytearray()
    while END + RETURN not in received and len(received) < LARGEST_ANSWER:
        piece = connection.recv(4096)
        if not piece:
            break
        received += piece
    return bytes(received)


def _check(answer: bytes, control_id: str, host: str) -> None:
    begin, end = answer.find(START), answer.find(END)
    if begin < 0 or end < begin:
        raise PassingFailure(f"{host} did not acknowledge.")
    code, about = "", ""
    with suppress(IndexError):
        for segment in answer[begin + 1 : end].decode("utf-8", "replace").split("\r"):
            if segment.startswith("MSA"):
                fields = segment.split(segment[3])
                code, about = fields[1], fields[2]
    if code in ("AA", "CA") and about == control_id:
        return
    if code in ("AR", "CR"):
        raise PermanentFailure(f"{host} rejected the message ({code}).")
    if code in ("AE", "CE"):
        raise PassingFailure(f"{host} could not take the message ({code}).")
    raise PassingFailure(f"{host} acknowledged another message, or none.")
