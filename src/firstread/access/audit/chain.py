"""How events are chained: each hash covers an event and the hash before, and a key seals it.

Without the key, whoever can write the database could change an event and compute everything after it anew. The key is
in a file (setting `audit_key`), not in the database.
"""

import hmac
import json
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from firstread.access.audit.event import Event

BEGINNING = sha256(b"firstread audit").hexdigest()
"""What the first event is chained to."""

_HOST = socket.gethostname()
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True)
class SealKey:
    """A key that seals; `name` tells it from others without giving it away."""

    secret: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """16 hexadecimal digits."""
        return sha256(b"firstread audit key\0" + self.secret).hexdigest()[:16]

    def seal(self, number: int, chain: str) -> str:
        """Return the seal of an event's hash (HMAC-SHA256, RFC 2104)."""
        return hmac.digest(self.secret, f"{number} {chain}".encode(), "sha256").hex()

    def is_seal(self, seal: str, number: int, chain: str) -> bool:
        """Tell whether a seal is this key's."""
        return hmac.compare_digest(seal, self.seal(number, chain))


def content_of(event: Event, number: int, at: datetime) -> str:
    """Return the canonical text of an event: JSON in ASCII, keys in order, no spaces."""
    actor = event.actor
    said: dict[str, Any] = {
        "v": 1,
        "n": number,
        "at": at.isoformat(timespec="microseconds"),
        "host": _HOST,
        "code": event.code.id,
        "subtype": event.code.subtype,
        "does": event.does,
        "outcome": event.outcome,
        "actor": {
            "kind": actor.kind,
            "name": actor.name,
            "account": actor.account,
            "roles": sorted(actor.roles),
            "address": actor.address,
        },
        "patients": list(event.patients),
        "studies": list(event.studies),
        "detail": dict(event.detail),
    }
    return _CANONICAL.encode(said)


def link(before: str, content: str) -> str:
    """Return the hash of an event, given that of the one before."""
    return sha256(f"{before}\n{content}".encode()).hexdigest()


def searchable(value: str) -> str:
    """Return a value as both databases keep it: without NUL and lone surrogates."""
    return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def subjects(patients: Iterable[str], studies: Iterable[str]) -> list[tuple[str, str]]:
    """Return the kinds and values by which an event is found, each once."""
    named = [("patient", each) for each in patients] + [("study", each) for each in studies]
    return sorted({(kind, searchable(value)) for kind, value in named if value})


def keys_of(secrets: Sequence[bytes]) -> dict[str, SealKey]:
    """Return keys by their names."""
    return {key.name: key for key in map(SealKey, secrets)}
