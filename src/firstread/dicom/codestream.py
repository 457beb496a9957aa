"""What a compressed image says of its own size, asked before any decoder is let near it.

A decoder believes its codestream: one flipped bit in a width can cost minutes or gigabytes. So the few bytes
that describe the image must agree with the DICOM header first.
Sources: ITU-T T.81 B.2 (JPEG), T.87 C.2 (JPEG-LS), T.800 A.5 (JPEG 2000), T.814 (HTJ2K).
"""

import struct
from dataclasses import dataclass

MOST_TILES = 1024
_JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_STANDALONE = {0x01, *range(0xD0, 0xD9)}


class BadCodestream(ValueError):
    """The codestream is none, or does not describe the image that the header promises."""


@dataclass(frozen=True)
class Codestream:
    """Size and sample format as the codestream gives them; `process` is the JPEG frame marker's code."""

    rows: int
    columns: int
    precision: int
    components: int
    signed: bool = False
    process: int | None = None


def jpeg_family(stream: bytes) -> Codestream:
    """Describe a JPEG or JPEG-LS codestream by its frame header.

    Raises:
        BadCodestream: there is none before the first scan.
    """
    if stream[:2] != b"\xff\xd8":
        raise BadCodestream("does not start with SOI")
    at = 2
    found: Codestream | None = None
    while at + 4 <= len(stream):
        if stream[at] != 0xFF:
            raise BadCodestream("marker expected")
        marker = stream[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in _STANDALONE:
            raise BadCodestream("misplaced marker")
        (length,) = struct.unpack(">H", stream[at + 2 : at + 4])
        body = stream[at + 4 : at + 2 + length]
        if length < 2 or len(body) != length - 2:
            raise BadCodestream("segment cut off")
        if marker in _FRAMES:
            if found or len(body) < 9:
                raise BadCodestream("frame header repeated or too short")
            precision, rows, columns, components = struct.unpack(">BHHB", body[:6])
            if len(body) != 6 + 3 * components or body[7] != 0x11:
                raise BadCodestream("components do not fit the frame header")
            found = Codestream(rows, columns, precision, components, process=marker)
        elif marker == 0xDA:
            if found is None:
                raise BadCodestream("scan before frame header")
            return found
        elif marker == 0xF8 and (not body or body[0] != 1 or len(body) != 11):
            # Only the preset thresholds; mapping tables and oversize images (T.87 C.2.4.1) are not CT.
            raise BadCodestream("unusual JPEG-LS parameters")
        at += 2 + length
    raise BadCodestream("no scan")


def jpeg_2000(stream: bytes) -> Codestream:
    """Describe a JPEG 2000 or HTJ2K codestream, bare or in a JP2 file, by its SIZ segment.

    Raises:
        BadCodestream: there is no SIZ, or it asks for an unreasonable number of tiles.
    """
    start = 0
    if stream.startswith(_JP2_SIGNATURE):
        start = stream.find(b"\xff\x4f\xff\x51", 0, 4096)
    if start < 0 or stream[start : start + 4] != b"\xff\x4f\xff\x51" or len(stream) < start + 45:
        raise BadCodestream("does not start with SOC and SIZ")
    _, _, x, y, x0, y0, tile_x, tile_y, tile_x0, tile_y0, components = struct.unpack(
        ">HH8IH", stream[start + 4 : start + 42]
    )
    depth, sub_x, sub_y = stream[start + 42], stream[start + 43], stream[start + 44]
    columns, rows = x - x0, y - y0
    if (x0, y0, tile_x0, tile_y0, sub_x, sub_y) != (0, 0, 0, 0, 1, 1) or tile_x == 0 or tile_y == 0:
        raise BadCodestream("image does not start at the origin, or is subsampled")
    if -(-columns // tile_x) * -(-rows // tile_y) > MOST_TILES:
        raise BadCodestream("too many tiles")
    return Codestream(rows, columns, (depth & 0x7F) + 1, components, signed=bool(depth & 0x80))


def check(found: Codestream, *, rows: int, columns: int, bits_allocated: int) -> Codestream:
    """Return the description if it is of one grey image of this size.

    Raises:
        BadCodestream: it is not.
    """
    if (found.rows, found.columns) != (rows, columns):
        raise BadCodestream(f"is {found.rows}×{found.columns}, the header says {rows}×{columns}")
    if found.components != 1:
        raise BadCodestream(f"has {found.components} components")
    if not 2 <= found.precision <= min(bits_allocated, 16):
        raise BadCodestream(f"has {found.precision} bits a sample")
    return found
