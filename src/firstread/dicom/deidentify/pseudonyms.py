"""Pseudonyms of a research project: what its key makes of identifiers, the same each time and nowhere else.

Each is an HMAC-SHA-256 (RFC 2104) of the kind and the identifier. Who does not have the key can neither go back nor try
identifiers out.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from pydicom.dataset import Dataset

from firstread.dicom.header import text, uid

KEY_BYTES = 32
LEAST_DAYS = 365
MOST_DAYS = 3650
_SEPARATOR = "\x1f"


def new_key() -> bytes:
    """Return a key by chance."""
    return secrets.token_bytes(KEY_BYTES)


def patient_key(dataset: Dataset) -> str:
    """Return what tells a person from others: Patient ID and issuer, else name and birth date, else the study."""
    patient_id, issuer = text(dataset, "PatientID"), text(dataset, "IssuerOfPatientID")
    if patient_id:
        return _SEPARATOR.join(("id", patient_id, issuer))
    name, born = text(dataset, "PatientName").strip("^ ").upper(), text(dataset, "PatientBirthDate")
    if name and born:
        return _SEPARATOR.join(("name", name, born))
    return _SEPARATOR.join(("study", uid(dataset, "StudyInstanceUID")))


@dataclass(frozen=True)
class Pseudonyms:
    """What a project calls persons and UIDs, and by how much it moves a person's dates."""

    key: bytes = field(repr=False)

    def patient(self, person: str) -> str:
        """Return a person's pseudonym, P and 12 letters or digits, for what `patient_key` says of them."""
        return "P" + base64.b32encode(self._digest("patient", person))[:12].decode()

    def uid(self, original: str) -> str:
        """Return the UID that takes the place of another, under the root of UUIDs (PS3.5 B.2)."""
        number = int.from_bytes(self._digest("uid", original)[:16])
        number = (
            number & ~(0xF << 76) | 8 << 76
        )  # version 8 and variant of RFC 9562: made in a way of one's own
        return f"2.25.{number & ~(0x3 << 62) | 2 << 62}"

    def offset(self, person: str) -> timedelta:
        """Return by how much a person's dates are moved: into the past, by 1 to 10 years, in whole days."""
        days = int.from_bytes(self._digest("dates", person)[:8]) % (MOST_DAYS - LEAST_DAYS + 1)
        return -timedelta(days=LEAST_DAYS + days)

    def token(self, kind: str, original: str) -> str:
        """Return by what an original is found again in a list that does not show it."""
        return self._digest(f"token {kind}", original).hex()

    def _digest(self, kind: str, value: str) -> bytes:
        return hmac.digest(self.key, f"{kind}{_SEPARATOR}{value}".encode(), hashlib.sha256)
