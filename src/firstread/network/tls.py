"""TLS as BCP 195 (RFC 9325) asks for it: 1.2 or newer, forward secrecy, authenticated encryption, no fallback."""

import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from firstread.errors import UsageError

_log = logging.getLogger("firstread.network")
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # of TLS 1.2; those of 1.3 are all sound


@dataclass(frozen=True)
class TLSFiles:
    """PEM files: this node's certificate (with its chain) and key, and the authorities that peers' must be of."""

    certificate: Path | None = None
    key: Path | None = None
    authorities: Path | None = None


def server_context(files: TLSFiles) -> ssl.SSLContext:
    """Return the context of a listener; with `authorities`, a peer without a certificate of theirs is cut off.

    Raises:
        UsageError: there is no certificate, or a file cannot be used.
    """
    if files.certificate is None:
        raise UsageError("TLS needs a certificate.", remedy="Set dicom_tls_certificate and dicom_tls_key.")
    context = _sound(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    _load(context, files)
    if files.authorities is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class LiveContext:
    """The context of a listener or of calls, whose certificate may be replaced while it is in use.

    Attributes:
        context: New connections get the newest certificate; those that are open go on.

    Args:
        files: Looked at by `renew`. New `authorities` count beside the former ones until the next start.
        make: `server_context` or `client_context`.

    Raises:
        UsageError: as `make`.
    """

    def __init__(self, files: TLSFiles, make: Callable[[TLSFiles], ssl.SSLContext] = server_context) -> None:
        self._files = files
        self._make = make
        self._seen = _state(files)
        self.context = self._make(files)

    def renew(self) -> bool:
        """Take the files where they have changed; tell whether they were taken.

        Half of a new pair, or what is no certificate, is left alone: the former one stays until the pair is whole.
        """
        found = _state(self._files)
        if found == self._seen:
            return False
        try:
            self._make(self._files)  # a trial, before anything is changed
            _load(self.context, self._files)
        except UsageError as error:
            _log.warning("a new certificate is not taken: %s", error.message)
            return False
        finally:
            self._seen = found
        _log.info("a new certificate is in use")
        return True


def _state(files: TLSFiles) -> tuple[tuple[int, int, int] | None, ...]:
    """Return what tells files that were replaced from those before; None: it is not there."""
    found: list[tuple[int, int, int] | None] = []
    for path in (files.certificate, files.key, files.authorities):
        try:
            status = path.stat() if path is not None else None
        except OSError:
            status = None
        found.append((status.st_mtime_ns, status.st_size, status.st_ino) if status else None)
    return tuple(found)


def client_context(files: TLSFiles) -> ssl.SSLContext:
    """Return the context of a call: the peer's certificate must be of the authorities, and name its host.

    Without `authorities` those of the system count.

    Raises:
        UsageError: a file cannot be used.
    """
    context = _sound(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    if files.authorities is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    _load(context, files)
    return context


def _sound(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    return context


def _load(context: ssl.SSLContext, files: TLSFiles) -> None:
    named = files.certificate
    try:
        if named is not None:
            context.load_cert_chain(named, files.key, password=_no_password)
        if files.authorities is not None:
            named = files.authorities
            context.load_verify_locations(named)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise UsageError(
            f"The TLS file {named} cannot be used: {getattr(error, 'reason', None) or error}.",
            remedy="It must be PEM, the key without a password and the certificate's own.",
        ) from None


def _no_password() -> str:
    raise ValueError("the key has a password")
