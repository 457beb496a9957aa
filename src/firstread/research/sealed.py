"""What only the installation's key opens: AES-256-GCM (NIST SP 800-38D), each text bound to the row it is in."""

import base64
import secrets
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from firstread.errors import FirstreadError, UsageError
from firstread.settings import Settings

LEAST_CHARACTERS = 32
_NONCE_BYTES = 12


class Unopenable(FirstreadError):
    """What is sealed was sealed with another key, or has been changed."""


@dataclass(frozen=True)
class Seal:
    """The key; `name` tells it from others without giving it away."""

    key: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: str) -> "Seal":
        """Return the seal that a secret of the settings makes (HKDF, RFC 5869).

        Raises:
            UsageError: the secret is too short to keep anything.
        """
        if len(secret) < LEAST_CHARACTERS:
            raise UsageError(
                f"The setting crosswalk_key has fewer than {LEAST_CHARACTERS} characters.",
                remedy="`firstread projects new-key` makes one.",
            )
        derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"firstread crosswalk")
        return cls(derive.derive(secret.encode()))

    @property
    def name(self) -> str:
        """16 hexadecimal digits."""
        return sha256(b"firstread crosswalk key\0" + self.key).hexdigest()[:16]

    def close(self, content: bytes, place: str) -> str:
        """Return a text that only this key opens, and only for the same place."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return base64.b64encode(nonce + AESGCM(self.key).encrypt(nonce, content, place.encode())).decode()

    def open(self, sealed: str, place: str) -> bytes:
        """Return what was sealed.

        Raises:
            Unopenable: it was sealed with another key or for another place, or was changed.
        """
        try:
            content = base64.b64decode(sealed, validate=True)
            return AESGCM(self.key).decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError):
            raise Unopenable(
                "The crosswalk cannot be opened: another key closed it, or it was changed.",
                remedy="Set crosswalk_key to the key that it was made with.",
            ) from None


def seal_of(settings: Settings) -> Seal:
    """Return the seal of an installation.

    Raises:
        UsageError: the settings have no key.
    """
    if settings.crosswalk_key is None:
        raise UsageError(
            "The setting crosswalk_key is not set, so nothing that leads back to a patient can be kept.",
            remedy="Keep what `firstread projects new-key` prints in a file that FIRSTREAD_CROSSWALK_KEY_FILE names.",
        )
    return Seal.of(settings.crosswalk_key.get_secret_value())
