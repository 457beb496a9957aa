"""To a DICOM node, with C-STORE."""

from dataclasses import dataclass, replace
from pathlib import Path

from firstread.archive import Archive
from firstread.errors import RefusedInput
from firstread.network.configured import caller_of, peer_of
from firstread.network.failures import PassingFailure, PermanentFailure
from firstread.network.outgoing import files_of_folder
from firstread.network.peers import Peer
from firstread.network.scu import Caller, PeerFailed
from firstread.settings import Settings


@dataclass(frozen=True)
class ToNode:
    """A node, and who calls it: once, since a delivery that failed is tried again anyhow."""

    peer: Peer
    caller: Caller

    @classmethod
    def of(cls, name: str, settings: Settings) -> "ToNode":
        """Return the destination of this name.

        Raises:
            UsageError: the settings cannot be used.
        """
        return cls(peer_of(settings, name), replace(caller_of(settings), tries=1))

    def deliver(self, archive: Archive, folder: Path, document: str) -> None:
        """Send one instance. Sent again it is the same instance, with the same SOP Instance UID.

        Raises:
            PassingFailure: the node is away, or out of resources.
            PermanentFailure: it refused.
        """
        files = files_of_folder(folder / document)
        if not files:
            raise RefusedInput(f"{document} is not a DICOM file.")
        try:
            sent = self.caller.send(self.peer, files)
        except PeerFailed as error:
            raise PassingFailure(error.message, remedy=error.remedy) from None
        for uid, status in sent.refused:
            raise PermanentFailure(
                f"{self.peer} refused {uid} with status {status:04X}.", remedy="See the log of that node."
            )

    def test(self) -> str:
        """Send C-ECHO and say how long the answer took.

        Raises:
            PassingFailure: the node does not answer, or rejects this one.
        """
        try:
            return f"{self.peer} answers, in {1000 * self.caller.echo(self.peer):.0f} ms"
        except PeerFailed as error:
            raise PassingFailure(error.message, remedy=error.remedy) from None
