"""The way to the provider and back.

What must be the same on the way back — state, nonce, the verifier of PKCE, where to go then — is in a cookie of the
browser, so that a link that somebody else sends logs nobody in.
"""

import json
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Any
from urllib.parse import quote, urlencode

from firstread.access.accounts.oidc.claims import Identity, identity_of
from firstread.access.accounts.oidc.id_token import check_id_token, check_logout_token
from firstread.access.accounts.oidc.problem import OidcProblem
from firstread.access.accounts.oidc.provider import Provider
from firstread.access.accounts.secret import new_secret
from firstread.settings import Settings

WAY_LASTS_S = 600
_ANYBODY_EVERY_S = 10.0  # anybody may send a logout token


@dataclass(frozen=True)
class Way:
    """A login that is under way: where the browser is sent, and what its cookie holds meanwhile."""

    address: str
    cookie: str


class Relying:
    """This installation as the client of its provider (relying party).

    Raises:
        UsageError: the settings of the provider cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._provider = Provider(settings)

    def begin(self, back: str, next: str) -> Way:
        """Return the way to the provider.

        Args:
            back: URL of this installation to which the provider sends the browser back.
            next: Path to go to then.

        Raises:
            OidcProblem: the provider does not answer.
        """
        state, nonce, verifier = new_secret(), new_secret(), new_secret()
        query = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": back,
            "scope": self._settings.oidc_scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": _unpadded(sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        where = self._provider.metadata().authorization
        kept = json.dumps([state, nonce, verifier, next]).encode()
        return Way(f"{where}{'&' if '?' in where else '?'}{urlencode(query)}", _unpadded(kept))

    def finish(self, answered: Mapping[str, str], cookie: str, back: str) -> tuple[Identity, str]:
        """Return who it is and the path to go to, from what the browser came back with.

        Raises:
            OidcProblem: it is not the end of a login that this browser began, or the provider did not let them in.
        """
        state, nonce, verifier, next = _kept(cookie)
        if not compare_digest(answered.get("state", "").encode(), state.encode()):
            raise OidcProblem("The answer is to another login.")
        said = self._provider.metadata()
        issuer = answered.get("iss")
        if (issuer is None and said.says_issuer) or (issuer is not None and issuer != said.issuer):
            raise OidcProblem("The answer is another provider's.")  # RFC 9207
        if "code" not in answered or "error" in answered:
            raise OidcProblem("The provider let nobody in.")
        answer = self._tokens(answered["code"], verifier, back)
        token, access = answer.get("id_token"), answer.get("access_token")
        if not isinstance(token, str):
            raise OidcProblem("The provider sent no ID token.")
        claims = check_id_token(
            token, self._keys, issuer=said.issuer, client=self._settings.oidc_client_id, nonce=nonce
        )
        more: dict[str, Any] = {}
        if said.userinfo and isinstance(access, str):
            more = self._provider.get(said.userinfo, token=access)
            if more.get("sub") != claims["sub"]:  # Core 5.3.2
                raise OidcProblem("The provider speaks of two persons.")
        return identity_of(said.issuer, {**more, **claims}, self._settings), next

    def leave(self, home: str) -> str:
        """Return where the browser logs out at the provider, which asks whether it should; "" where it cannot.

        Args:
            home: URL of this installation to which the provider sends the browser then, if it knows it.

        Raises:
            OidcProblem: the provider does not answer.
        """
        where = self._provider.metadata().end_session
        query = {"client_id": self._settings.oidc_client_id, "post_logout_redirect_uri": home}
        return f"{where}{'&' if '?' in where else '?'}{urlencode(query)}" if where else ""

    def logged_out(self, token: str) -> tuple[str, str]:
        """Return issuer and subject of whom the provider logged out (back-channel logout).

        Raises:
            OidcProblem: the token is none of the provider's.
        """
        issuer = self._provider.metadata().issuer
        client = self._settings.oidc_client_id

        def keys(afresh: bool) -> list[dict[str, Any]]:
            return self._provider.keys(afresh=afresh, at_most_every_s=_ANYBODY_EVERY_S)

        return issuer, check_logout_token(token, keys, issuer=issuer, client=client)

    def _keys(self, afresh: bool) -> list[dict[str, Any]]:
        return self._provider.keys(afresh=afresh)

    def _tokens(self, code: str, verifier: str, back: str) -> dict[str, Any]:
        said, client = self._provider.metadata(), self._settings.oidc_client_id
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": verifier,
            "client_id": client,
        }
        headers: dict[str, str] = {"Accept": "application/json"}
        if self._settings.oidc_client_secret is not None:
            secret = self._settings.oidc_client_secret.get_secret_value()
            if "client_secret_basic" in said.auth_methods:
                pair = f"{quote(client, safe='')}:{quote(secret, safe='')}"  # RFC 6749 section 2.3.1
                headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
                del form["client_id"]
            else:
                form["client_secret"] = secret
        return self._provider.post(said.token, form, headers=headers)


def _kept(cookie: str) -> tuple[str, str, str, str]:
    try:
        kept = json.loads(urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4)))
    except ValueError:
        kept = None
    if (
        not isinstance(kept, list)
        or len(kept) != 4
        or not all(isinstance(each, str) and each for each in kept)
    ):
        raise OidcProblem("The login was not begun in this browser, or too long ago.")
    return kept[0], kept[1], kept[2], kept[3]


def _unpadded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
