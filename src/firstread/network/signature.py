"""The signature of what webhooks are sent: docs/reference/webhook.md says how receivers check it."""

import hashlib
import hmac

SHORTEST_KEY = 16  # characters


def signature(key: bytes, body: bytes, at_s: int) -> str:
    """Return the header Firstread-Signature: HMAC-SHA256 over the Unix time, a dot and the body."""
    digest = hmac.new(key, f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"
