"""The encoded bytes of each stored image, taken out of an object's Pixel Data element (PS3.5 A.4, 8.2)."""

import struct
from collections.abc import Sequence

from pydicom.encaps import generate_frames

from firstread.dicom.header import whole
from firstread.dicom.parse import Damaged, inflate
from firstread.dicom.series import Instance
from firstread.dicom.transfer_syntax import DEFLATED, TRANSFER_SYNTAXES

_UNDEFINED = 0xFFFFFFFF


def encoded_frames(instance: Instance) -> Sequence[bytes | None]:
    """Return the encoded bytes of every image of the object; None for one that is cut off or missing.

    Raises:
        Damaged: the Pixel Data element cannot be found or taken apart.
        OSError: the source cannot be read any more.
    """
    syntax = TRANSFER_SYNTAXES[instance.transfer_syntax_uid]
    content = instance.source.read()
    if instance.transfer_syntax_uid == DEFLATED:
        content = inflate(content)
    if instance.pixel_offset is None:
        raise Damaged("no Pixel Data")
    at = instance.pixel_offset
    length, at = _value(content, at, explicit=syntax.explicit, big=syntax.big_endian)
    count = instance.number_of_frames
    if length == _UNDEFINED:
        if syntax.packing == "native":
            raise Damaged("Pixel Data of undefined length in an uncompressed transfer syntax")
        return _encapsulated(content[at:], count)
    if syntax.packing != "native":
        raise Damaged("compressed Pixel Data that is not encapsulated")
    header = instance.header
    bits = (
        (whole(header, "Rows") or 0) * (whole(header, "Columns") or 0) * (whole(header, "BitsAllocated") or 0)
    )
    size = bits // 8
    end = min(len(content), at + length)
    cuts = [(at + n * size, at + (n + 1) * size) for n in range(count)]
    return [content[a:b] if b <= end else None for a, b in cuts]


def _value(content: bytes, at: int, *, explicit: bool, big: bool) -> tuple[int, int]:
    order = ">" if big else "<"
    start = at + 12 if explicit and content[at + 4 : at + 6] in (b"OW", b"OB", b"UN") else at + 8
    if start > len(content):
        raise Damaged("Pixel Data is cut off")
    (length,) = struct.unpack(order + "I", content[start - 4 : start])
    return length, start


def _encapsulated(value: bytes, count: int) -> list[bytes | None]:
    frames: list[bytes | None] = []
    # Whatever the item structure is damaged into, the images before the damage are good.
    try:
        for frame in generate_frames(value, number_of_frames=count):
            frames.append(frame)
            if len(frames) == count:
                break
    except Exception:
        frames = frames[:count]
    return frames + [None] * (count - len(frames))
