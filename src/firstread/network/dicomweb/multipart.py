"""multipart/related bodies (RFC 2387): written piece by piece, and read piece by piece."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message

from fastapi.responses import Response, StreamingResponse
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from firstread.network.dicomweb.problems import Problem


@dataclass(frozen=True)
class Part:
    """One part to write: its media type, its bytes in pieces, and where it is found."""

    media_type: str
    pieces: Iterable[bytes]
    location: str = ""


def new_boundary() -> str:
    """Return a boundary that no content can hold but by chance."""
    return secrets.token_hex(16)


def written(parts: Iterable[Part], boundary: str) -> Iterator[bytes]:
    """Yield a body, holding no more of it than one piece. An error midway leaves it without its end."""
    for part in parts:
        location = f"Content-Location: {part.location}\r\n" if part.location else ""
        yield f"--{boundary}\r\nContent-Type: {part.media_type}\r\n{location}\r\n".encode(
            "latin-1", "replace"
        )
        yield from part.pieces
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def streamed(parts: Iterable[Part], kind: str, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a body of parts of one kind, made while it is sent."""
    boundary = new_boundary()
    return StreamingResponse(
        written(parts, boundary),
        headers=headers,
        media_type=f'multipart/related; type="{kind}"; boundary={boundary}',
    )


def parameters(content_type: str) -> tuple[str, dict[str, str]]:
    """Return a media type in lower case and its parameters."""
    message = Message()
    message["Content-Type"] = content_type[:1024]
    found = message.get_params(failobj=[]) or []
    return message.get_content_type(), {key.lower(): str(value) for key, value in found[1:]}


@dataclass
class Reader:
    """Takes a body in pieces of any size and hands on the bytes of each part.

    Args:
        boundary: From the header Content-Type.
        begin: Called with the media type of a part.
        data: Called with bytes of that part.
        end: Called when the part is complete.
    """

    boundary: str
    begin: Callable[[str], None]
    data: Callable[[memoryview], None]
    end: Callable[[], None]
    complete: bool = False
    _name: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _type: str = ""

    def __post_init__(self) -> None:
        if not 0 < len(self.boundary) <= 70 or not self.boundary.isascii():
            raise Problem(400, "The boundary of the body is missing or too long.")
        self._parser = MultipartParser(
            self.boundary.encode(),
            {
                "on_part_begin": self._on_begin,
                "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._on_header,
                "on_headers_finished": lambda: self.begin(self._type),
                "on_part_data": lambda data, start, end: self.data(memoryview(data)[start:end]),
                "on_part_end": lambda: self.end(),
                "on_end": self._on_end,
            },
        )

    def feed(self, piece: bytes) -> None:
        """Take the next bytes.

        Raises:
            Problem: 400, it is no multipart body.
        """
        if self.complete:  # what follows the last boundary means nothing
            return
        try:
            self._parser.write(piece)
        except MultipartParseError:
            raise Problem(
                400, "The body is not what its boundary says.", remedy="See PS3.18 section 8.6.1.2."
            ) from None

    def _on_begin(self) -> None:
        self._type = ""

    def _on_header(self) -> None:
        if bytes(self._name).strip().lower() == b"content-type":
            self._type = bytes(self._value).decode("latin-1").strip()
        self._name.clear()
        self._value.clear()

    def _on_end(self) -> None:
        self.complete = True
