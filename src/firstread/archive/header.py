"""The attributes of an instance that the archive has columns for, out of headers that may hold nonsense.

Values are decoded from their bytes here; pydicom has the character sets.
"""

import struct
import zlib
from dataclasses import dataclass

from pydicom.charset import decode_bytes, python_encoding
from pydicom.datadict import tag_for_keyword

from firstread.archive.elements import Unparsable, first_elements, first_item
from firstread.archive.part10 import Part10
from firstread.archive.uids import is_uid
from firstread.errors import RefusedInput

LONGEST_TEXT = 256
_NEEDED = 0x00280011  # Columns: up to here a header has to be whole
_LAST = 0x00400275  # Request Attributes Sequence: what the archive has columns for ends here, long before the pixels
_MOST_INFLATED = 16 << 20
_IMPLICIT, _BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
_DEFLATED = ("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205")
_NAME_DELIMITERS = {ord("^"), ord("=")}
_REMEDY = "Send or export it again."


class MismatchedInstance(RefusedInput):
    """The data set is another instance than it was sent, or labelled, as."""


@dataclass(frozen=True)
class Header:
    """What an instance says of itself; an absent text is "", an absent number None."""

    patient_id: str
    issuer: str
    patient_name: str
    birth_date: str
    sex: str
    study_uid: str
    study_id: str
    study_date: str
    study_time: str
    accession_number: str
    study_description: str
    referring_physician: str
    referring_id: str
    institution: str
    department: str
    series_uid: str
    modality: str
    series_number: int | None
    series_description: str
    body_part: str
    sop_class_uid: str
    sop_instance_uid: str
    instance_number: int | None
    rows: int | None
    columns: int | None
    frames: int | None
    bits_allocated: int | None
    step_date: str
    step_time: str
    scheduled_step_id: str
    requested_procedure_id: str

    @property
    def patient_key(self) -> str:
        """Return what tells persons apart: Patient ID with its issuer, or the study where there is none."""
        return f"{self.issuer}\\{self.patient_id}" if self.patient_id else self.study_uid


def read_header(instance: Part10) -> Header:
    r"""Read the attributes; only the part of the data set that holds them is parsed.

    Raises:
        MismatchedInstance: it is another instance than its file meta information says.
        RefusedInput: it cannot be parsed, or a UID is missing or none.
    """
    raw = _Raw(instance)
    header = Header(
        patient_id=raw.text("PatientID"),
        issuer=raw.text("IssuerOfPatientID"),
        patient_name=raw.text("PatientName"),
        birth_date=raw.date("PatientBirthDate"),
        sex=raw.text("PatientSex"),
        study_uid=raw.uid("StudyInstanceUID"),
        study_id=raw.text("StudyID"),
        study_date=raw.date("StudyDate"),
        study_time=raw.text("StudyTime"),
        accession_number=raw.text("AccessionNumber"),
        study_description=raw.text("StudyDescription"),
        referring_physician=raw.text("ReferringPhysicianName"),
        referring_id=raw.referring_id(),
        institution=raw.text("InstitutionName"),
        department=raw.text("InstitutionalDepartmentName"),
        series_uid=raw.uid("SeriesInstanceUID"),
        modality=raw.text("Modality"),
        series_number=raw.whole("SeriesNumber"),
        series_description=raw.text("SeriesDescription"),
        body_part=raw.text("BodyPartExamined"),
        sop_class_uid=raw.uid("SOPClassUID"),
        sop_instance_uid=raw.uid("SOPInstanceUID"),
        instance_number=raw.whole("InstanceNumber"),
        rows=raw.short("Rows"),
        columns=raw.short("Columns"),
        frames=raw.whole("NumberOfFrames"),
        bits_allocated=raw.short("BitsAllocated"),
        step_date=raw.date("PerformedProcedureStepStartDate"),
        step_time=raw.text("PerformedProcedureStepStartTime"),
        scheduled_step_id=raw.requested("ScheduledProcedureStepID"),
        requested_procedure_id=raw.requested("RequestedProcedureID"),
    )
    said = (instance.sop_class_uid, instance.sop_instance_uid)
    if (header.sop_class_uid, header.sop_instance_uid) != said:
        raise MismatchedInstance(
            f"The data set is another instance than {instance.sop_instance_uid}, as which it came.",
            remedy=_REMEDY,
        )
    return header


class _Raw:
    """The undecoded values of one data set."""

    def __init__(self, instance: Part10) -> None:
        syntax = instance.transfer_syntax_uid
        self._order = ">" if syntax == _BIG else "<"
        try:
            self._values = first_elements(
                _inflated(instance.dataset) if syntax in _DEFLATED else instance.dataset,
                _TAGS,
                last=_LAST,
                implicit=syntax == _IMPLICIT,
                big=syntax == _BIG,
                needed=_NEEDED,
            )
        except (Unparsable, zlib.error):
            raise RefusedInput("The data set cannot be parsed.", remedy=_REMEDY) from None
        self._encodings = _encodings(self._bytes("SpecificCharacterSet"))
        self._implicit = syntax == _IMPLICIT
        self._requested = self._first_item(self._bytes("RequestAttributesSequence"))

    def _first_item(self, items: bytes) -> dict[int, bytes]:
        return first_item(items, _TAGS, implicit=self._implicit, big=self._order == ">") if items else {}

    def _bytes(self, keyword: str) -> bytes:
        return self._values.get(_TAG[keyword], b"")

    def text(self, keyword: str) -> str:
        """Return the value without control characters and padding; at most `LONGEST_TEXT` characters."""
        return self._text(self._bytes(keyword))

    def requested(self, keyword: str) -> str:
        """Return a text of the first request that the series fulfils."""
        return self._text(self._requested.get(_TAG[keyword], b""))

    def referring_id(self) -> str:
        """Return the first code by which the referring physician is identified (PS3.3 table 10-1)."""
        physician = self._first_item(self._bytes("ReferringPhysicianIdentificationSequence"))
        code = self._first_item(physician.get(_TAG["PersonIdentificationCodeSequence"], b""))
        return self._text(code.get(_TAG["CodeValue"], b""))

    def _text(self, encoded: bytes) -> str:
        value = _decoded(encoded, self._encodings)
        return "".join(c for c in value if c.isprintable()).strip()[:LONGEST_TEXT].strip()

    def uid(self, keyword: str) -> str:
        value = self._bytes(keyword).rstrip(b"\0 ").decode("ascii", "replace")
        if not is_uid(value):
            raise RefusedInput(f"{keyword} is missing or is no UID.", remedy=_REMEDY)
        return value

    def date(self, keyword: str) -> str:
        value = self.text(keyword).replace(".", "")  # ACR-NEMA wrote 2025.01.02
        return value if len(value) == 8 and value.isascii() and value.isdigit() else ""

    def whole(self, keyword: str) -> int | None:
        value = self.text(keyword).partition("\\")[0].strip()
        try:
            number = int(value) if value.isascii() and len(value) <= 12 else None
        except ValueError:
            return None
        return number if number is not None and -(2**31) <= number < 2**31 else None

    def short(self, keyword: str) -> int | None:
        value = self._bytes(keyword)
        return int(struct.unpack_from(f"{self._order}H", value)[0]) if len(value) >= 2 else None


def _inflated(dataset: memoryview) -> memoryview:
    return memoryview(zlib.decompressobj(-zlib.MAX_WBITS).decompress(dataset, _MOST_INFLATED))


def _encodings(terms: bytes) -> list[str]:
    named = [term.strip() for term in terms.decode("ascii", "replace").strip("\0 ").split("\\")]
    return [python_encoding.get(term, "iso8859") for term in named] or ["iso8859"]


def _decoded(value: bytes, encodings: list[str]) -> str:
    if b"\x1b" in value:
        try:
            return decode_bytes(value, encodings, _NAME_DELIMITERS)
        except (LookupError, UnicodeError, Warning):
            pass
    return value.decode(encodings[0], "replace")


_KEYWORDS = (
    "SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "Modality",
    "ReferringPhysicianName", "StudyDescription", "SeriesDescription", "PatientName", "PatientID", "IssuerOfPatientID",
    "PatientBirthDate", "PatientSex", "BodyPartExamined", "StudyInstanceUID", "SeriesInstanceUID", "StudyID",
    "SeriesNumber", "InstanceNumber", "NumberOfFrames", "Rows", "Columns", "BitsAllocated",
    "PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime", "RequestAttributesSequence",
    "ScheduledProcedureStepID", "RequestedProcedureID", "ReferringPhysicianIdentificationSequence",
    "PersonIdentificationCodeSequence", "CodeValue", "InstitutionName", "InstitutionalDepartmentName",
)  # fmt: skip
_TAG = {keyword: tag_for_keyword(keyword) or 0 for keyword in _KEYWORDS}
_TAGS = frozenset(_TAG.values())
