"""Secrets by chance, and the digests of them that are kept."""

import secrets
from hashlib import sha256
from hmac import new as hmac

_BYTES = 32


def new_secret() -> str:
    """Return 256 bits by chance in 43 characters that need no quoting in a URL or a header."""
    return secrets.token_urlsafe(_BYTES)


def digest_of(secret: str) -> str:
    """Return what is kept of a secret of `new_secret`: its sha256 (hex); so many bits need no slow hash."""
    return sha256(secret.encode()).hexdigest()


def derived(secret: str, purpose: str) -> str:
    """Return another secret for a purpose, from which the first cannot be told (HMAC-SHA256, hex)."""
    return hmac(secret.encode(), purpose.encode(), "sha256").hexdigest()
