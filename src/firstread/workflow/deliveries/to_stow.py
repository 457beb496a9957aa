"""To DICOMweb, with STOW-RS (PS3.18 section 10.5)."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firstread.archive import Archive, Part10
from firstread.errors import UsageError
from firstread.network.dicomweb.multipart import Part, new_boundary, written
from firstread.network.failures import DeliveryFailed, PassingFailure, PermanentFailure
from firstread.network.http_client import Client, tls_of
from firstread.network.statuses import may_pass
from firstread.settings import Settings

DUPLICATE = 0x0111  # PS3.7 annex C: it has this SOP instance already
_PROCESSING_FAILURE = 0x0110
_PIECE = 1 << 16
_JSON = "application/dicom+json"
_NOWHERE = "2.25.0"  # no study has it: a search for it finds nothing, and shows that searching works
_FAILED, _REFERENCED = "00081198", "00081199"
_SOP_INSTANCE, _REASON = "00081155", "00081197"


@dataclass(frozen=True)
class ToStow:
    """A DICOMweb service."""

    url: str
    client: Client = field(repr=False)

    @classmethod
    def of(cls, name: str, settings: Settings) -> "ToStow":
        """Return the destination of this name; its secret is a bearer token, or USER:PASSWORD.

        Raises:
            UsageError: the settings cannot be used.
        """
        kept = settings.destination_secrets.get(name)
        secret = kept.get_secret_value() if kept else ""
        if not (secret.isascii() and secret.isprintable()):
            raise UsageError(f"The secret of {name} has other characters than ASCII.", remedy="Correct it.")
        user, colon, password = secret.partition(":")  # a token has no colon (RFC 6750 section 2.1)
        headers = {"Authorization": f"Bearer {secret}"} if secret and not colon else {}
        auth = (user, password) if colon else None
        return cls(settings.destinations[name].place, Client(tls_of(settings), auth, headers))

    def deliver(self, archive: Archive, folder: Path, document: str) -> None:
        """Store one instance; one that the service has already counts as stored.

        Raises:
            PassingFailure: the service is away, busy or out of resources.
            PermanentFailure: it refused.
        """
        path = folder / document
        with path.open("rb") as file:
            uid = Part10.parse(file.read(_PIECE)).sop_instance_uid
            file.seek(0)
            boundary = new_boundary()
            part = Part("application/dicom", iter(lambda: file.read(_PIECE), b""))
            empty = sum(map(len, written([Part("application/dicom", ())], boundary)))
            answer = self.client.call(
                "POST",
                f"{self.url}/studies",
                headers={
                    "Accept": _JSON,
                    "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
                    # Some services take no body of which they are not told the length.
                    "Content-Length": str(empty + path.stat().st_size),
                },
                content=written([part], boundary),
            )
        if answer.status == 200:
            return
        if answer.status not in (202, 409):
            raise answer.failure(self.url)
        problem = _problem(answer.body, uid, self.url, answer.status)
        if problem is not None:
            raise problem

    def test(self) -> str:
        """Search for a study that cannot be there, so that no patient is asked about, and say that it works.

        Raises:
            PassingFailure, PermanentFailure: it does not.
        """
        answer = self.client.call(
            "GET", f"{self.url}/studies?StudyInstanceUID={_NOWHERE}", headers={"Accept": _JSON}
        )
        if answer.status not in (200, 204):
            raise answer.failure(self.url)
        return f"{self.url} answers"


def _problem(body: bytes, uid: str, place: str, status: int) -> DeliveryFailed | None:
    """Return why an instance was not stored, by the Store Instances Response (PS3.18 table 10.5.3-1); None: it was."""
    try:
        told = json.loads(body)
        if isinstance(told, list):  # so some services
            told = told[0]
        failed = _instances(told, _FAILED)
        stored = _instances(told, _REFERENCED)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        failed, stored = {}, {}
    if uid in stored and uid not in failed:  # with a warning
        return None
    if uid not in failed and len(failed) != 1:
        return PermanentFailure(
            f"{place} answered with status {status}, and not whether {uid} is stored.", remedy="See its log."
        )
    reason = failed.get(uid, next(iter(failed.values())))
    if reason == DUPLICATE:
        return None
    failure = PassingFailure if may_pass(reason) or reason == _PROCESSING_FAILURE else PermanentFailure
    return failure(f"{place} did not store {uid}: reason {reason:04X}.")


def _instances(told: dict[str, Any], sequence: str) -> dict[str, int]:
    """Return the SOP Instance UIDs of a sequence with their failure reasons."""
    return {
        str(item.get(_SOP_INSTANCE, {}).get("Value", [""])[0]): int(
            item.get(_REASON, {}).get("Value", [0])[0]
        )
        for item in told.get(sequence, {}).get("Value", [])
    }
