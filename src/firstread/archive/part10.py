"""A Part-10 file as its two pieces: file meta information, and the data set, whose bytes are never changed."""

import hashlib
import struct
from dataclasses import dataclass, field

from firstread.archive.uids import is_uid
from firstread.errors import RefusedInput

# As in what firstread.dicom writes; tests/archive/test_part10.py keeps them the same.
IMPLEMENTATION_CLASS_UID = "2.25.265768494375727745686524952837475171797"
PREAMBLE = b"\0" * 128 + b"DICM"
_LONG = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT", b"SV", b"UV")
_GROUP_LENGTH, _VERSION, _SOP_CLASS, _SOP_INSTANCE, _TRANSFER_SYNTAX = 0x0000, 0x0001, 0x0002, 0x0003, 0x0010
_IMPLEMENTATION_CLASS, _IMPLEMENTATION_VERSION, _SOURCE_AE = 0x0012, 0x0013, 0x0016
_REMEDY = "Send or export it again as a DICOM file (PS3.10)."


@dataclass(frozen=True)
class Part10:
    """One instance as it is stored: `header` is preamble, prefix and file meta information."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    header: bytes = field(repr=False)
    dataset: memoryview = field(repr=False)

    @property
    def size(self) -> int:
        """Number of bytes of the file."""
        return len(self.header) + len(self.dataset)

    def digests(self) -> tuple[str, str]:
        """Return the sha256 (hex) of the whole file, and of the data set alone."""
        whole = hashlib.sha256(self.header)
        whole.update(self.dataset)
        return whole.hexdigest(), hashlib.sha256(self.dataset).hexdigest()

    @classmethod
    def parse(cls, content: bytes) -> "Part10":
        """Take a file apart.

        Raises:
            RefusedInput: it is no Part-10 file, or its file meta information does not say what it holds.
        """
        if content[128:132] != b"DICM":
            raise RefusedInput("It is not a DICOM file: the prefix DICM is missing.", remedy=_REMEDY)
        values, end = _file_meta(content)
        return cls(
            _uid(values, _SOP_CLASS),
            _uid(values, _SOP_INSTANCE),
            _uid(values, _TRANSFER_SYNTAX),
            header=content[:end],
            dataset=memoryview(content)[end:],
        )

    @classmethod
    def of(
        cls,
        dataset: bytes | memoryview,
        *,
        sop_class_uid: str,
        sop_instance_uid: str,
        transfer_syntax_uid: str,
        source_ae: str = "",
    ) -> "Part10":
        """Put the file meta information before a data set as it came over the network.

        Raises:
            RefusedInput: one of the UIDs is none.
        """
        if not all(map(is_uid, (sop_class_uid, sop_instance_uid, transfer_syntax_uid))):
            raise RefusedInput("A UID of the instance is none.", remedy=_REMEDY)
        elements = [
            _element(_VERSION, b"OB", b"\0\1"),
            _element(_SOP_CLASS, b"UI", sop_class_uid.encode()),
            _element(_SOP_INSTANCE, b"UI", sop_instance_uid.encode()),
            _element(_TRANSFER_SYNTAX, b"UI", transfer_syntax_uid.encode()),
            _element(_IMPLEMENTATION_CLASS, b"UI", IMPLEMENTATION_CLASS_UID.encode()),
            _element(_IMPLEMENTATION_VERSION, b"SH", b"FIRSTREAD"),
        ]
        if source_ae.isascii() and source_ae.isprintable() and 0 < len(source_ae) <= 16:
            elements.append(_element(_SOURCE_AE, b"AE", source_ae.encode()))
        group = b"".join(elements)
        return cls(
            sop_class_uid,
            sop_instance_uid,
            transfer_syntax_uid,
            header=PREAMBLE + _element(_GROUP_LENGTH, b"UL", struct.pack("<I", len(group))) + group,
            dataset=memoryview(dataset),
        )


def _element(element: int, vr: bytes, value: bytes) -> bytes:
    """Return an encoded element of group 2, padded to an even length as its VR has it (PS3.5 section 6.2)."""
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    if vr in _LONG:
        return struct.pack("<HH2sHI", 0x0002, element, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", 0x0002, element, vr, len(value)) + value


def _file_meta(content: bytes) -> tuple[dict[int, bytes], int]:
    """Return the values of group 2 (always explicit little endian, PS3.10 section 7.1) and where it ends."""
    values: dict[int, bytes] = {}
    at = len(PREAMBLE)
    try:
        while content[at : at + 2] == b"\x02\x00":
            _, element, vr, length = struct.unpack_from("<HH2sH", content, at)
            at += 8
            if vr in _LONG:
                (length,) = struct.unpack_from("<I", content, at)
                at += 4
            value = content[at : at + length]
            if len(value) != length:
                raise struct.error
            values[element] = value
            at += length
    except struct.error:
        raise RefusedInput("The file ends within its file meta information.", remedy=_REMEDY) from None
    return values, at


def _uid(values: dict[int, bytes], element: int) -> str:
    value = values.get(element, b"").rstrip(b"\0 ").decode("ascii", "replace")
    if not is_uid(value):
        raise RefusedInput(
            f"The file meta information has no valid UID in (0002,{element:04X}).", remedy=_REMEDY
        )
    return value
