"""Other DICOM nodes: how they are written, and those that the settings name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from firstread.errors import UsageError

DICOM_PORT = 104
_PEER = re.compile(
    r"(?P<tls>tls:)?(?P<ae>[^@\\]{1,16})@(?P<host>\[[0-9A-Fa-f:.%]+\]|[^:@\s\[\]]+)(:(?P<port>\d{1,5}))?"
)


@dataclass(frozen=True)
class Peer:
    """A node that is called: its AE title, host and TCP port; `tls`: over TLS only."""

    ae_title: str
    host: str
    port: int = DICOM_PORT
    tls: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'tls:' if self.tls else ''}{self.ae_title}@{host}:{self.port}"


def parse_peer(text: str) -> Peer:
    """Return the node that AE@HOST:PORT names, or tls:AE@HOST:PORT.

    Raises:
        UsageError: it names none.
    """
    found = _PEER.fullmatch(text.strip())
    ae_title = found["ae"].strip() if found else ""
    port = int(found["port"] or DICOM_PORT) if found else 0
    if not found or not is_ae_title(ae_title) or not 0 < port < 65536:
        raise UsageError(
            f"{text[:64]!r} is no DICOM node.", remedy="Write AE@HOST:PORT, for example PACS@10.0.0.5:104."
        )
    return Peer(ae_title, found["host"].strip("[]"), port, tls=bool(found["tls"]))


def is_ae_title(text: str) -> bool:
    """Tell whether a text is an AE title (PS3.5 section 6.2): up to 16 characters, neither blank nor a control."""
    return 0 < len(text.strip()) <= 16 and text.isascii() and text.isprintable() and "\\" not in text


def named_peer(text: str, destinations: Mapping[str, str]) -> Peer:
    """Return the destination of this name, or else the node that the text writes out.

    Raises:
        UsageError: it is neither.
    """
    return parse_peer(destinations.get(text, text))


def peers_by_ae_title(destinations: Mapping[str, str]) -> dict[str, Peer]:
    """Return the destinations by AE title, as C-MOVE and storage commitment name them.

    Raises:
        UsageError: one is no node, or two have the same AE title.
    """
    found: dict[str, Peer] = {}
    for name, text in destinations.items():
        peer = parse_peer(text)
        if found.setdefault(peer.ae_title, peer) != peer:
            raise UsageError(
                f"Two destinations have the AE title {peer.ae_title}.",
                remedy=f"Remove {name} or give it another AE title.",
            )
    return found
