"""A destination of the settings: where results go, and whom the node may call."""

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, StringConstraints, field_validator, model_validator

Kind = Literal["dicom", "stow", "folder", "webhook"]
DocumentKind = Literal["sr", "seg", "key", "pdf", "html", "fhir", "json"]
DestinationName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]

TAKEN: dict[Kind, tuple[DocumentKind, ...]] = {
    "dicom": ("sr", "seg", "key", "pdf"),
    "stow": ("sr", "seg", "key", "pdf"),
    "folder": get_args(DocumentKind),
    "webhook": (),
}
"""Which kinds of documents a kind of destination takes; a webhook takes one event a result."""


class Destination(BaseModel):
    """An address, and the kinds of documents that go there; None sends all that it takes.

    The address is `AE@HOST:PORT`, `tls:AE@HOST:PORT`, `stow:https://…`, `folder:/…` or `webhook:https://…`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str
    documents: tuple[DocumentKind, ...] | None = None

    @property
    def kind(self) -> Kind:
        """What it is, by the beginning of its address."""
        prefix = self.address.partition(":")[0]
        return prefix if prefix in ("stow", "folder", "webhook") else "dicom"  # type: ignore[return-value]

    @property
    def place(self) -> str:
        """The address without the kind: the node, the URL (of DICOMweb without a slash at its end), or the folder."""
        rest = self.address.partition(":")[2]
        if self.kind == "stow":
            return rest.rstrip("/")
        return self.address if self.kind == "dicom" else rest

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:  # noqa: ANN401 - what the settings say
        return {"address": value} if isinstance(value, str) else value

    @field_validator("address")
    @classmethod
    def _check_address(cls, value: str) -> str:
        kind, _, rest = value.partition(":")
        if kind in ("stow", "webhook"):
            _check_url(rest)
        elif kind == "folder":
            if not Path(rest).is_absolute():
                raise ValueError("a folder is written with its whole path: folder:/srv/results")
        elif "@" not in value:
            raise ValueError(
                "an address is AE@HOST:PORT, tls:AE@HOST:PORT, stow:https://…, folder:/… or webhook:https://…"
            )
        return value

    @model_validator(mode="after")
    def _check_documents(self) -> "Destination":
        if self.documents is not None and not set(self.documents) <= set(TAKEN[self.kind]):
            raise ValueError(
                f"of a result, {self.kind} takes {', '.join(TAKEN[self.kind]) or 'one event, no documents'}"
            )
        return self


def is_safe_url(url: str) -> bool:
    """Tell whether what goes to a URL is encrypted, or does not leave this computer."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and is_this_computer(parts.hostname or ""))


def _check_url(url: str) -> None:
    # What is said must not repeat the URL: it may hold the password that it should not hold.
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        named = False
    if not named or not url.isprintable() or not url.isascii() or " " in url:
        raise ValueError("its URL is none")
    if not is_safe_url(url):
        raise ValueError("its URL is not https; http reaches this computer alone")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError("its URL has a password, a query or a fragment; secrets go into destination_secrets")


def is_this_computer(host: str) -> bool:
    """Tell whether a host's name or address is this computer's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
