"""Compressed images without what an encoder or a person wrote beside them: comments, Exif, XMP, bytes after the end.

Sources: ITU-T T.81 B.1 (JPEG), T.87 C.1 (JPEG-LS), T.800 A.9.2 (JPEG 2000).
"""

import struct

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_COMMENT = 0xFE
_NEEDED = (
    (0xE0, b"JFIF\0", 18),
    (0xE8, b"SPIFF\0", 34),
    (0xE8, b"\0\0\0\1", 10),  # end of the SPIFF directory (ITU-T T.84 F.2.2.3)
    (0xE8, b"mrfx", 9),
    (0xEE, b"Adobe", 16),
)
"""Marker, beginning and most bytes of application data that tell decoders what the samples are."""
_SOC, _SIZ, _SOT, _COM = 0xFF4F, 0xFF51, 0xFF90, 0xFF64


def without_comments(stream: bytes) -> bytes:
    """Return a codestream without comments and application data; another kind of stream as it is."""
    if stream[:2] == b"\xff\xd8":
        return _jpeg(stream)
    if stream[:2] == b"\xff\x4f":
        return _jpeg_2000(stream)
    start = stream.find(b"\xff\x4f\xff\x51")
    if start >= 0 and stream[4:8] == b"jP  ":  # a JP2 file: PS3.5 wants the codestream alone
        return _jpeg_2000(stream[start:])
    return stream


def _jpeg(stream: bytes) -> bytes:
    end = stream.rfind(b"\xff\xd9")
    if end < 0:
        return stream
    kept = bytearray(stream[:2])
    at = 2
    while at + 4 <= end and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        (length,) = struct.unpack(">H", stream[at + 2 : at + 4])
        segment = stream[at : at + 2 + length]
        if marker == _SOS:
            kept += stream[at : end + 2]
            return bytes(kept) + b"\0" * (len(kept) % 2)
        if not _is_telling(marker, segment):
            kept += segment
        at += 2 + length
    return stream


def _is_telling(marker: int, segment: bytes) -> bool:
    if marker != _COMMENT and not 0xE0 <= marker <= 0xEF:
        return False
    return not any(
        marker == needed and segment[4:].startswith(beginning) and len(segment) <= most
        for needed, beginning, most in _NEEDED
    )


def _jpeg_2000(stream: bytes) -> bytes:
    """Leave out the comments of the main header; those of tiles are counted in the tile's length and are rare."""
    end = stream.rfind(b"\xff\xd9")
    kept = bytearray(stream[:2])
    at = 2
    while at + 4 <= len(stream):
        marker, length = struct.unpack(">HH", stream[at : at + 4])
        if marker == _SOT or not marker >= 0xFF00:
            kept += stream[at : end + 2 if end > at else len(stream)]
            return bytes(kept) + b"\0" * (len(kept) % 2)
        if marker != _COM:
            kept += stream[at : at + 2 + length]
        at += 2 + length
    return stream
