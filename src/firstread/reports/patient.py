"""Who the patient is: the one line of a report that does not come from the read."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pydicom.dataset import Dataset

from firstread.reports.figures import clean
from firstread.texts import Lang

LONGEST = 64  # PS3.5 section 6.2: LO, and each component group of PN


@dataclass(frozen=True)
class PatientLine:
    """What identifies patient and study to a clinician. Empty: the header does not say.

    Attributes:
        name: DICOM person name, e.g. `Wang^XiaoDong=王^小东` (PS3.5 section 6.2.1).
        id: Patient ID.
        birth_date: Date of birth.
        sex: M, F or O.
        accession: Accession number of the order.
    """

    name: str = ""
    id: str = ""
    birth_date: date | None = None
    sex: str = ""
    accession: str = ""

    @classmethod
    def from_header(cls, header: Dataset) -> "PatientLine":
        """Take the line from an instance's header; what is missing or malformed there stays empty."""
        birth_date = None
        with suppress(ValueError):
            birth_date = datetime.strptime(_text(header, "PatientBirthDate"), "%Y%m%d").date()
        sex = _text(header, "PatientSex").upper()
        return cls(
            name=_text(header, "PatientName"),
            id=_text(header, "PatientID"),
            birth_date=birth_date,
            sex=sex if sex in {"M", "F", "O"} else "",
            accession=_text(header, "AccessionNumber"),
        )

    def spoken_name(self, lang: Lang) -> str:
        """Return the name as it is written for people: the Chinese group in Chinese, where there is one."""
        groups = [clean(group, LONGEST) for group in self.name.split("=")]
        alphabetic, ideographic = groups[0], groups[1] if len(groups) > 1 else ""
        if ideographic and (lang == "zh" or not alphabetic):
            return "".join(ideographic.split("^")[:2])
        family, _, given = alphabetic.partition("^")
        given = " ".join(part for part in given.split("^") if part)
        return ", ".join(part for part in (family.strip(), given.strip()) if part)


def _text(header: Dataset, keyword: str) -> str:
    value: Any = None
    with suppress(Exception):  # pydicom decodes on access, and raises what its codecs raise
        value = header.get(keyword)
    return clean(str(value), 3 * LONGEST) if value is not None else ""
