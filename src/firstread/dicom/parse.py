"""Bytes of one DICOM object → its header and where its pixels start (PS3.10 section 7, PS3.5 section 7)."""

import struct
import zlib
from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from firstread.dicom.header import text, uid
from firstread.dicom.series import Instance
from firstread.dicom.source import LARGEST_FILE, Source
from firstread.dicom.transfer_syntax import DEFLATED

_FIRST_BYTES = 1 << 16
_LARGEST_HEADER = 1 << 28
_STARTS = (
    b"\x08\x00\x00\x00",
    b"\x08\x00\x05\x00",
    b"\x08\x00\x08\x00",
    b"\x08\x00\x16\x00",
    b"\x02\x00\x00\x00",
)
_PIXEL_TAGS = {0x7FE00008, 0x7FE00009, 0x7FE00010}
_DICOMDIR = "1.2.840.10008.1.3.10"


class Damaged(ValueError):
    """The bytes are meant to be DICOM, but what identifies the object cannot be read."""


def looks_like_dicom(first: bytes) -> bool:
    """Tell from its first 132 bytes whether a file is DICOM, with or without preamble."""
    return first[128:132] == b"DICM" or first[:4] in _STARTS


def parse_instance(source: Source) -> Instance | None:
    """Read an object's header; None when the source is no DICOM object, or a DICOMDIR.

    Raises:
        Damaged: it is one, but its UIDs cannot be read.
        OSError: the source cannot be read.
    """
    first = source.read(_FIRST_BYTES)
    if not looks_like_dicom(first):
        return None
    whole = source.size <= len(first)
    if _deflated(first):
        return _instance(source, _inflated_header(source.read()))
    parsed = _parse(first)
    if not whole and (parsed is None or parsed[1] is None):
        # The header is longer than what was looked at. Or there are no pixels at all.
        content = source.read(_LARGEST_HEADER)
        if _deflated(content):
            raise Damaged("a transfer syntax far from the start of the file")
        parsed = _parse(content)
    if parsed is None:
        raise Damaged("the header cannot be parsed")
    return _instance(source, parsed)


def _parse(content: bytes) -> tuple[Dataset, int | None] | None:
    stream = BytesIO(content)
    # The parser raises almost anything on a damaged header, RecursionError and MemoryError included.
    try:
        header = dcmread(stream, stop_before_pixels=True, force=True)
    except Exception:
        return None
    at = stream.tell()
    return header, at if content[at : at + 4] in (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10") else None


def _instance(source: Source, parsed: tuple[Dataset, int | None]) -> Instance | None:
    header, pixel_offset = parsed
    meta: Dataset = getattr(header, "file_meta", None) or Dataset()
    sop_instance_uid, sop_class_uid = uid(header, "SOPInstanceUID"), uid(header, "SOPClassUID")
    if _DICOMDIR in (uid(meta, "MediaStorageSOPClassUID"), sop_class_uid):
        return None
    if not (sop_instance_uid and uid(header, "SeriesInstanceUID") and uid(header, "StudyInstanceUID")):
        raise Damaged("a UID is missing")
    syntax = uid(meta, "TransferSyntaxUID")
    if not syntax and text(meta, "TransferSyntaxUID") == "":
        implicit, little = header.original_encoding
        syntax = "1.2.840.10008.1.2" + ("" if implicit else ".1" if little else ".2")
    return Instance(
        source=source,
        header=header,
        sop_instance_uid=sop_instance_uid,
        sop_class_uid=sop_class_uid,
        transfer_syntax_uid=syntax,
        pixel_offset=pixel_offset,
    )


def _deflated(first: bytes) -> bool:
    # Wherever it stands: pydicom must never meet this syntax, for it inflates without a limit.
    return DEFLATED.encode() in first


def _dataset_start(content: bytes) -> int:
    """Return where the data set starts, by the File Meta Information Group Length (PS3.10 section 7.1)."""
    if content[132:140] != b"\x02\x00\x00\x00UL\x04\x00" or len(content) < 144:
        raise Damaged("the file meta information has no length")
    (length,) = struct.unpack("<I", content[140:144])
    if not 0 < length < 1 << 16:
        raise Damaged("the file meta information has no length")
    return 144 + int(length)


def inflate(content: bytes, limit: int = LARGEST_FILE) -> bytes:
    """Inflate the data set of an object in the deflated transfer syntax (PS3.5 section A.5).

    Raises:
        Damaged: it is cut off, damaged, or longer than `limit` once inflated.
    """
    unpack = zlib.decompressobj(-zlib.MAX_WBITS)
    # Deflate packs no tighter than 1 : 1032; what a CT reaches is far below this.
    limit = min(limit, 200 * len(content) + (1 << 20))
    try:
        inflated = unpack.decompress(content[_dataset_start(content) :], limit)
    except zlib.error as error:
        raise Damaged("the deflated data set is damaged") from error
    if unpack.unconsumed_tail and not unpack.eof:
        raise Damaged("the deflated data set is larger than any CT")
    return inflated


def _inflated_header(content: bytes) -> tuple[Dataset, int | None]:
    start = _dataset_start(content)
    inflated = inflate(content)
    try:
        meta = dcmread(BytesIO(content[:start]), force=True).file_meta
        stream = BytesIO(inflated)
        header = read_dataset(stream, False, True, stop_when=lambda tag, vr, length: int(tag) in _PIXEL_TAGS)
    except Exception as error:
        raise Damaged("the header cannot be parsed") from error
    header.file_meta = meta
    at = stream.tell()
    return header, at if inflated[at : at + 4] == b"\xe0\x7f\x10\x00" else None
