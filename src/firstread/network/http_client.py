"""HTTP requests to destinations: encrypted, certificates checked, redirects not followed."""

import ssl
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from firstread import __version__
from firstread.network.failures import DeliveryFailed, PassingFailure, PermanentFailure
from firstread.network.tls import TLSFiles, client_context
from firstread.settings import Settings

CONNECT_S = 10.0
SILENCE_S = 60.0  # for the next bytes
ANSWER_S = 300.0  # for the whole answer
LARGEST_ANSWER = 1 << 20  # bytes; more is not read
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": f"firstread/{__version__}"}
_PASSING = (408, 425, 429)


@dataclass(frozen=True)
class Answer:
    """An answer: its status, its body (the beginning of a long one), and for how long not to call again (seconds)."""

    status: int
    body: bytes
    retry_after_s: float | None

    def failure(self, place: str) -> DeliveryFailed:
        """Return what a status that is no success means."""
        if self.status in _PASSING or self.status >= 500:
            return PassingFailure(
                f"{place} answered with status {self.status}.", retry_after_s=self.retry_after_s
            )
        if 300 <= self.status < 400:
            return PermanentFailure(
                f"{place} redirects to another address, status {self.status}.",
                remedy="Write that address in the settings, if it is the right one.",
            )
        remedy = "Set its secret in destination_secrets." if self.status in (401, 403) else ""
        return PermanentFailure(f"{place} refused with status {self.status}.", remedy=remedy)


@dataclass(frozen=True)
class Client:
    """Calls one server.

    Args:
        tls: Which certificates it may show.
        auth: User and password, where it asks for them.
        headers: Sent with each request.
    """

    tls: ssl.SSLContext = field(repr=False)
    auth: tuple[str, str] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | Iterable[bytes] | None = None,
    ) -> Answer:
        """Send one request and return its answer, whatever the status.

        Raises:
            PassingFailure: the server does not answer, or not in time, or its certificate is not believed.
            PermanentFailure: the URL is none.
        """
        host = _host(url)
        timeout = httpx.Timeout(SILENCE_S, connect=CONNECT_S)
        # Neither proxies nor passwords of the environment (.netrc): what is sent, and to whom, the settings say.
        with httpx.Client(verify=self.tls, auth=self.auth, timeout=timeout, trust_env=False) as client:
            try:
                with client.stream(
                    method, url, headers={**_HEADERS, **self.headers, **(headers or {})}, content=content
                ) as response:
                    return Answer(
                        response.status_code, _beginning(response), _retry_after_s(response.headers)
                    )
            except httpx.TransportError as error:
                raise PassingFailure(f"{host} cannot be called: {_reason(error)}.") from None


def tls_of(settings: Settings) -> ssl.SSLContext:
    """Return which certificates the destinations of the settings may show.

    Raises:
        UsageError: the file of authorities cannot be used.
    """
    return client_context(TLSFiles(authorities=settings.destination_authorities))


def _host(url: str) -> str:
    try:
        return httpx.URL(url).host
    except httpx.InvalidURL:
        raise PermanentFailure("The URL of the destination is none.") from None


def _beginning(response: httpx.Response) -> bytes:
    body = bytearray()
    until = time.monotonic() + ANSWER_S
    for piece in response.iter_raw(1 << 16):
        body += piece
        if len(body) > LARGEST_ANSWER or time.monotonic() > until:
            break
    return bytes(body[:LARGEST_ANSWER])


def _retry_after_s(headers: httpx.Headers) -> float | None:
    """Return what the header Retry-After says (RFC 9110 section 10.2.3): seconds, or a date."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    with suppress(ValueError):
        moment = parsedate_to_datetime(said)
        return max((moment.astimezone(UTC) - datetime.now(UTC)).total_seconds(), 0.0)
    return None


def _reason(error: httpx.TransportError) -> str:
    """Return the kind of failure; what the library says more can quote the URL or the server."""
    return "its certificate is not believed" if "CERTIFICATE_VERIFY" in str(error) else type(error).__name__
