"""What a provider says of itself (OpenID Connect Discovery 1.0), and its keys, which change."""

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx

from firstread.access.accounts.oidc.problem import OidcProblem
from firstread.access.gate import is_loopback
from firstread.errors import UsageError
from firstread.settings import Settings

WAIT_S = 10.0
KEPT_S = 3600.0
"""How long what a provider says is believed; keys are fetched again as soon as one is not among them."""

MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Metadata:
    """Where the provider is asked for what."""

    issuer: str
    authorization: str
    token: str
    keys: str
    userinfo: str
    end_session: str
    auth_methods: tuple[str, ...]
    says_issuer: bool


class Provider:
    """The provider that the settings name; for any number of threads.

    Raises:
        UsageError: its address, or the file of authorities, cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.oidc_issuer is None:
            raise UsageError("No OpenID provider is set.", remedy="Set oidc_issuer.")
        self.issuer = settings.oidc_issuer
        _check_address(self.issuer)
        self._context = _context(settings)
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, list[dict[str, Any]]] | None = None
        self._lock = threading.Lock()

    def metadata(self) -> Metadata:
        """Return what it says of itself.

        Raises:
            OidcProblem: it does not answer, or speaks for another issuer.
        """
        with self._lock:
            if self._metadata is None or monotonic() - self._metadata[0] > KEPT_S:
                said = self.get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
                self._metadata = (monotonic(), _metadata(said, self.issuer))
            return self._metadata[1]

    def keys(self, *, afresh: bool = False, at_most_every_s: float = 0.0) -> list[dict[str, Any]]:
        """Return its keys (RFC 7517), `afresh` those that it has now, but for what anybody may ask not that often."""
        address = self.metadata().keys
        with self._lock:
            age_s = monotonic() - self._keys[0] if self._keys else KEPT_S
            if self._keys is None or age_s >= KEPT_S or (afresh and age_s >= at_most_every_s):
                found = self.get(address).get("keys")
                if not isinstance(found, list) or not all(isinstance(key, dict) for key in found):
                    raise OidcProblem("The provider's keys are none.", why="away")
                self._keys = (monotonic(), found)
            return self._keys[1]

    def get(self, address: str, *, token: str = "") -> dict[str, Any]:
        """Return the JSON object at an address."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self._object("GET", address, headers=headers)

    def post(self, address: str, form: Mapping[str, str], *, headers: Mapping[str, str]) -> dict[str, Any]:
        """Send a form, and return the JSON object that is answered."""
        return self._object("POST", address, data=dict(form), headers=dict(headers))

    def _object(self, method: str, address: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx's
        with (
            _away(),
            httpx.Client(verify=self._context, timeout=WAIT_S, follow_redirects=False) as client,
            client.stream(method, address, **options) as answer,
        ):
            content = b""
            for part in answer.iter_bytes():
                content += part
                if len(content) > MOST_BYTES:
                    raise OidcProblem("The provider's answer is too long.", why="away")
        try:
            found = json.loads(content)
        except ValueError:
            found = None
        if not answer.is_success:
            # What a provider says to a code that it does not take is the login's fault, not its own.
            why = "failed" if 400 <= answer.status_code < 500 else "away"
            raise OidcProblem(f"The provider answered {answer.status_code}.", why=why)  # type: ignore[arg-type]
        if not isinstance(found, dict):
            raise OidcProblem("The provider's answer is no JSON object.", why="away")
        return found


@contextmanager
def _away() -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OidcProblem(
            f"The provider does not answer ({type(error).__name__}).", why="away", remedy="Try again later."
        ) from error


def _metadata(said: dict[str, Any], issuer: str) -> Metadata:
    named = said.get("issuer")
    if not isinstance(named, str) or named.rstrip("/") != issuer.rstrip("/"):
        raise OidcProblem(
            "The provider speaks for another issuer.", why="away", remedy="Correct oidc_issuer."
        )

    def address(key: str, *, needed: bool = True) -> str:
        value = said.get(key)
        if value is None and not needed:
            return ""
        if not isinstance(value, str):
            raise OidcProblem(f"The provider does not say its {key}.", why="away")
        try:
            _check_address(value)
        except UsageError as error:
            raise OidcProblem(f"The provider's {key} cannot be used.", why="away") from error
        return value

    methods = said.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return Metadata(
        issuer=named,
        authorization=address("authorization_endpoint"),
        token=address("token_endpoint"),
        keys=address("jwks_uri"),
        userinfo=address("userinfo_endpoint", needed=False),
        end_session=address("end_session_endpoint", needed=False),
        auth_methods=tuple(method for method in methods if isinstance(method, str)),
        says_issuer=said.get("authorization_response_iss_parameter_supported") is True,
    )


def _check_address(address: str) -> None:
    """Make sure that what is sent there is secret (RFC 6749 section 3.1.2.1), but on this computer itself."""
    parts = urlsplit(address)
    if not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))):
        raise UsageError("A provider's address begins with https://.", remedy="Correct oidc_issuer.")
    if not parts.hostname or parts.username or parts.fragment:
        raise UsageError("A provider's address is https://HOST/PATH.", remedy="Correct oidc_issuer.")


def _context(settings: Settings) -> ssl.SSLContext:
    try:
        authorities = settings.oidc_authorities
        return ssl.create_default_context(cafile=str(authorities) if authorities else None)
    except (OSError, ssl.SSLError):
        raise UsageError(
            "The authorities of the OpenID provider cannot be read.", remedy="Correct oidc_authorities."
        ) from None
