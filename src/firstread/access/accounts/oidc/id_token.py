"""Whether a token is the provider's, for this installation, and of this login (OpenID Connect Core 1.0, 3.1.3.7).

The algorithm is not the token's to choose: only signatures with a public key are taken, each only with a key of its own
kind (RFC 8725 sections 3.1 and 3.2), so that neither `none` nor an HMAC with a public key as its secret passes.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from hmac import compare_digest
from time import time
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from firstread.access.accounts.oidc.problem import OidcProblem

Keys = Callable[[bool], list[dict[str, Any]]]
"""Returns the provider's keys; True: those that it has now."""

LEEWAY_S = 60
OLDEST_S = 600  # of a token that was made for this login
SMALLEST_RSA_BITS = 2048
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
_KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    **{name: ("RSA", ()) for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")},
    "ES256": ("EC", ("P-256",)),
    "ES384": ("EC", ("P-384",)),
    "ES512": ("EC", ("P-521",)),
    "Ed25519": ("OKP", ("Ed25519",)),  # RFC 9864
    "EdDSA": ("OKP", ("Ed25519", "Ed448")),
}
_CLASSES: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}


def check_id_token(token: str, keys: Keys, *, issuer: str, client: str, nonce: str) -> dict[str, Any]:
    """Return the claims of an ID token that answers this login.

    Raises:
        OidcProblem: it is not the provider's, not for this client, not of this login, or too old.
    """
    claims = _signed(token, keys)
    _check(claims, issuer=issuer, client=client)
    said = claims.get("nonce")
    if not isinstance(said, str) or not compare_digest(said.encode(), nonce.encode()):
        raise OidcProblem("The token is of another login.")
    _subject(claims)
    return claims


def check_logout_token(token: str, keys: Keys, *, issuer: str, client: str) -> str:
    """Return the subject whose sessions end (OpenID Connect Back-Channel Logout 1.0 section 2.6).

    Raises:
        OidcProblem: it is no logout token of the provider for this client.
    """
    claims = _signed(token, keys)
    _check(claims, issuer=issuer, client=client)
    events = claims.get("events")
    if not isinstance(events, dict) or LOGOUT not in events or "nonce" in claims:
        raise OidcProblem("The token is none of a logout.")
    return _subject(claims)


def _signed(token: str, keys: Keys) -> dict[str, Any]:
    header = _header(token)
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in _KINDS:
        raise OidcProblem("The token is signed in a way that is not taken.")
    if "crit" in header:
        raise OidcProblem("The token asks for an extension.")
    key = _key(header, algorithm, keys(False)) or _key(header, algorithm, keys(True))
    if key is None:
        raise OidcProblem("The token is signed with none of the provider's keys.")
    try:
        return dict(jwt.decode(token, key, algorithms=[algorithm]).claims)
    except (JoseError, ValueError):
        raise OidcProblem("The token's signature is wrong.") from None


def _header(token: str) -> dict[str, Any]:
    first = token.partition(".")[0]
    try:
        header = json.loads(urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except ValueError:
        header = None
    if token.count(".") != 2 or not isinstance(header, dict):
        raise OidcProblem("The token is none.")
    return header


def _key(header: dict[str, Any], algorithm: str, keys: list[dict[str, Any]]) -> Key | None:
    """Return the key that the header names; without a name, the only one that there could be."""
    kind, curves = _KINDS[algorithm]
    fitting = [
        key
        for key in keys
        if key.get("kty") == kind
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (not curves or key.get("crv") in curves)
        and ("kid" not in header or key.get("kid") == header["kid"])
    ]
    if len(fitting) != 1:
        return None
    try:
        found = _CLASSES[kind].import_key(fitting[0])
    except (JoseError, ValueError, TypeError):
        return None
    if isinstance(found, RSAKey) and found.public_key.key_size < SMALLEST_RSA_BITS:
        return None
    return found


def _check(claims: dict[str, Any], *, issuer: str, client: str) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    now = time()
    if claims.get("iss") != issuer:
        raise OidcProblem("The token is of another issuer.")
    if client not in audiences or claims.get("azp", client) != client:
        raise OidcProblem("The token is for somebody else.")
    if len(audiences) > 1 and "azp" not in claims:
        raise OidcProblem("The token does not say for whom of several it is.")
    if not _moment(claims, "exp") > now - LEEWAY_S:
        raise OidcProblem("The token is expired.")
    if not now - OLDEST_S < _moment(claims, "iat") < now + LEEWAY_S:
        raise OidcProblem(
            "The token is not of now.", remedy="Compare this computer's clock with the provider's."
        )
    if "nbf" in claims and not _moment(claims, "nbf") < now + LEEWAY_S:
        raise OidcProblem("The token is not valid yet.")


def _moment(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise OidcProblem(f"The token does not say its {name}.")
    return float(value)


def _subject(claims: dict[str, Any]) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise OidcProblem("The token does not say whose it is.")
    return subject
