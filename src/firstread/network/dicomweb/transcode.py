"""Stored encodings into others: compressed grey images to pixels, whole instances to explicit VR little endian."""

from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from firstread.dicom.decode import Undecodable, stored_values
from firstread.dicom.frames import Frame
from firstread.dicom.header import whole
from firstread.dicom.series import Instance
from firstread.dicom.source import MemorySource
from firstread.dicom.transfer_syntax import DEFLATED, EXPLICIT_LITTLE, IMPLICIT_LITTLE, TRANSFER_SYNTAXES
from firstread.network.dicomweb.opened import NATIVE, Opened, cut_off
from firstread.network.dicomweb.problems import Problem

LARGEST_SIDE = 16_384
LARGEST_IMAGE = 64 << 20  # pixels

_RLE, _JPEG, _JPEG_LS, _JPEG_2000, _HTJ2K = (
    "image/dicom-rle",
    "image/jpeg",
    "image/jls",
    "image/jp2",
    "image/jphc",
)
FRAME_TYPES = {
    "rle": _RLE,
    "jpeg": _JPEG,
    "jpeg-lossless": _JPEG,
    "jpeg-ls": _JPEG_LS,
    "jpeg-2000": _JPEG_2000,
    "htj2k": _HTJ2K,
}
"""Media types of compressed frames by their packing, PS3.18 table 8.7.3-5."""


def frame_type(transfer_syntax_uid: str) -> str:
    """Return the media type of a stored frame."""
    syntax = TRANSFER_SYNTAXES.get(transfer_syntax_uid)
    return FRAME_TYPES.get(syntax.packing if syntax else "", "application/octet-stream")


def pixels(opened: Opened, n: int) -> npt.NDArray[np.int32]:
    """Decode one frame of a grey image, by its 1-based number, to stored values (row, column).

    Raises:
        Problem: 404, there is no such frame; 406, it is of a kind that has no decoder here; 409, it is damaged.
    """
    frame = _frame(opened)
    (encoded,) = opened.frames([n])
    try:
        return stored_values(_little(opened, encoded), frame)
    except Undecodable:
        raise cut_off() from None


def decoded(opened: Opened, n: int) -> bytes:
    """Return one frame as pixels, little endian; as `pixels`, but native frames of any kind are given too."""
    if opened.stored.transfer_syntax_uid in NATIVE:
        (native,) = opened.frames([n])
        return native
    allocated = whole(opened.header, "BitsAllocated") or 16
    kind = "i" if whole(opened.header, "PixelRepresentation") == 1 else "u"
    return pixels(opened, n).astype(f"<{kind}{allocated // 8}").tobytes()


def explicit(opened: Opened) -> bytes:
    """Return the whole instance as a file in explicit VR little endian.

    What comes after the pixel data, such as padding, is left out.

    Raises:
        Problem: 406, it cannot be written so here; 409, it is damaged.
    """
    syntax = opened.stored.transfer_syntax_uid
    made = Dataset()
    made.update({element.tag: element for element in opened.header if element.tag.group > 2})
    if opened.pixels_at is not None:
        if syntax in (IMPLICIT_LITTLE, DEFLATED):
            start, length = opened.pixel_value()
            value: Any = bytes(opened.content[start : start + (length or 0)])
            keyword_tag = 0x7FE00000 | int.from_bytes(
                opened.content[opened.pixels_at + 2 : opened.pixels_at + 4], "little"
            )
            if keyword_tag != 0x7FE00010 or length is None:
                raise unwritable()
        elif syntax in TRANSFER_SYNTAXES and syntax not in NATIVE:
            value = b"".join(decoded(opened, n) for n in range(1, opened.number_of_frames + 1))
        else:
            raise unwritable()
        made.PixelData = value + b"\0" * (len(value) % 2)
        made["PixelData"].VR = "OW" if (whole(made, "BitsAllocated") or 16) > 8 else "OB"
    elif syntax not in (IMPLICIT_LITTLE, DEFLATED):
        raise unwritable()
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = UID(opened.stored.sop_class_uid)
    made.file_meta.MediaStorageSOPInstanceUID = UID(opened.stored.sop_instance_uid)
    made.file_meta.TransferSyntaxUID = UID(EXPLICIT_LITTLE)
    stream = BytesIO()
    try:
        made.save_as(stream, implicit_vr=False, little_endian=True, enforce_file_format=True)
    except Exception:  # odd values that cannot be written again
        raise unwritable() from None
    return stream.getvalue()


def unwritable() -> Problem:
    """Return the answer for what cannot be transcoded."""
    return Problem(
        406, "It cannot be given in this transfer syntax.", remedy="Accept it with transfer-syntax=*."
    )


def _frame(opened: Opened) -> Frame:
    header = opened.header
    rows, columns = whole(header, "Rows") or 0, whole(header, "Columns") or 0
    allocated, stored = whole(header, "BitsAllocated") or 0, whole(header, "BitsStored") or 0
    if (
        opened.stored.transfer_syntax_uid not in TRANSFER_SYNTAXES
        or (whole(header, "SamplesPerPixel") or 1) != 1
        or allocated not in (8, 16, 32)
        or not 1 <= stored <= allocated
        or not (0 < rows <= LARGEST_SIDE and 0 < columns <= LARGEST_SIDE and rows * columns <= LARGEST_IMAGE)
    ):
        raise unwritable()
    of = opened.stored
    instance = Instance(
        source=MemorySource(b""),
        header=header,
        sop_instance_uid=of.sop_instance_uid,
        sop_class_uid=of.sop_class_uid,
        transfer_syntax_uid=of.transfer_syntax_uid,
        pixel_offset=None,
    )
    return Frame(instance, None, "", rows=rows, columns=columns)


def _little(opened: Opened, encoded: bytes) -> bytes:
    """Give native big endian frames back their order: `frames` made them little, the decoder reads the syntax's."""
    allocated = whole(opened.header, "BitsAllocated") or 16
    if not opened.big or allocated == 8:
        return encoded
    return np.frombuffer(encoded, f"<u{allocated // 8}").astype(f">u{allocated // 8}").tobytes()
