"""A Part-10 file as its two pieces: file meta information, and the data set, whose bytes are never changed."""

import hashlib
import struct
from dataclasses import dataclass, field

from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID

from firstread.archive.uids import is_uid
from firstread.errors import RefusedInput

# As in what firstread.dicom writes; tests/archive/test_part10.py keeps them the same.
IMPLEMENTATION_CLASS_UID = "2.25.265768494375727745686524952837475171797"
PREAMBLE = b"\0" * 128 + b"DICM"
_LONG = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT", b"SV", b"UV")
_SOP_CLASS, _SOP_INSTANCE, _TRANSFER_SYNTAX = 0x0002, 0x0003, 0x0010
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
        meta = FileMetaDataset()
        meta.FileMetaInformationVersion = b"\0\1"
        meta.MediaStorageSOPClassUID = UID(sop_class_uid)
        meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)
        meta.TransferSyntaxUID = UID(transfer_syntax_uid)
        meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
        meta.ImplementationVersionName = "FIRSTREAD"
        if source_ae.isascii() and source_ae.isprintable() and 0 < len(source_ae) <= 16:
            meta.SourceApplicationEntityTitle = source_ae
        stream = DicomBytesIO()
        write_file_meta_info(stream, meta)
        return cls(
            sop_class_uid,
            sop_instance_uid,
            transfer_syntax_uid,
            header=PREAMBLE + stream.getvalue(),
            dataset=memoryview(dataset),
        )


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
