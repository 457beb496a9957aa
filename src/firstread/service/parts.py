"""The parts that a process is made of; each listens or works in threads of its own from its making to `stop`."""

from typing import Any, Protocol

from firstread.archive import Archive
from firstread.network import Node
from firstread.network.configured import listening_of
from firstread.settings import Settings


class Part(Protocol):
    """What runs."""

    name: str

    def facts(self) -> dict[str, Any]:
        """Return what programs want to know of it: where it listens."""

    def wrong(self) -> str | None:
        """Return in a few words what is wrong; None: it is ready."""

    def alive(self) -> bool:
        """Tell whether it answers; one that does not needs the process to be started again."""

    def stop(self, grace_s: float) -> None:
        """Take no more work, let what is under way be finished within the seconds, and end."""


class DicomPart:
    """The DICOM node."""

    name = "scp"

    def __init__(self, archive: Archive, settings: Settings) -> None:
        self.listening = listening_of(settings)
        self._node = Node(archive, self.listening)

    def facts(self) -> dict[str, Any]:
        """Return the AE title, the address and the port."""
        return {
            "ae_title": self.listening.ae_title,
            "host": self.listening.host,
            "port": self._node.port,
        }

    def wrong(self) -> str | None:
        """Tell whether it listens."""
        return None if self._node.listening else "does not listen"

    def alive(self) -> bool:
        """Tell whether it listens."""
        return self._node.listening

    def renew(self) -> None:
        """Take a certificate that has changed."""
        self._node.renew()

    def stop(self, grace_s: float) -> None:
        """Close the node."""
        self._node.close(grace_s=grace_s)
