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

LEAST_CHARACTERS = 32
_NONCE_BYTES = 12


class Unopenable(FirstreadError):
    """What is sealed was sealed with another key, or has been changed."""


@dataclass(frozen=True)
class Seal:
    """The key, and the setting that it is of; `name` tells it from others without giving it away."""

    key: bytes = field(repr=False)
    setting: str

    @classmethod
    def of(cls, secret: str, setting: str) -> "Seal":
        """Return the seal that a secret of the settings makes, another one for each setting (HKDF, RFC 5869).

        Raises:
            UsageError: the secret is too short to keep anything.
        """
        if len(secret) < LEAST_CHARACTERS:
            raise UsageError(
                f"The setting {setting} has fewer than {LEAST_CHARACTERS} characters.",
                remedy="`firstread projects new-key` makes one.",
            )
        info = f"firstread {setting.removesuffix('_key')}".encode()
        derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=info)
        return cls(derive.derive(secret.encode()), setting)

    @property
    def name(self) -> str:
        """16 hexadecimal digits."""
        purpose = self.setting.removesuffix("_key")
        return sha256(f"firstread {purpose} key\0".encode() + self.key).hexdigest()[:16]

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
                f"What {self.setting} closed cannot be opened: another key closed it, or it was changed.",
                remedy=f"Set {self.setting} to the key that it was made with.",
            ) from None
