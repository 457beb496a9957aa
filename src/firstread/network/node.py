"""The node: everything that answers, put together on one port."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ssl import SSLContext
from types import TracebackType
from typing import Any, Self

from pynetdicom import evt

from firstread.access.rights import Rights
from firstread.archive import Archive, Receipt
from firstread.network.acceptance import Acceptance
from firstread.network.callers import Callers
from firstread.network.commitment import CommitmentSCP
from firstread.network.contexts import SERVED, SPOKEN
from firstread.network.entity import Entity
from firstread.network.open_studies import OpenStudies
from firstread.network.peers import Peer
from firstread.network.query_scp import QuerySCP
from firstread.network.retrieve_scp import RetrieveSCP
from firstread.network.server import Server
from firstread.network.statuses import SUCCESS
from firstread.network.storage_scp import StorageSCP
from firstread.network.tls import LiveContext
from firstread.network.trail import NodeTrail

_log = logging.getLogger("firstread.network")
GRACE_S = 10.0


@dataclass(frozen=True)
class Listening:
    """Where a node listens, whom it hears, and whom it knows.

    Args:
        ae_title: Its own; associations that call another are rejected.
        host: Address to listen on.
        port: TCP port; 0 takes a free one.
        acceptance: Whom it hears.
        destinations: Nodes that C-MOVE may send to and storage commitment reports to, by AE title.
        tls: Context of its listener; None: plain TCP.
        calling_tls: Context of its calls to destinations over TLS.
        quiet_s: After how many seconds without an image a study counts as complete.
        open_s: For how many seconds after its last image an open association holds a study back.
    """

    ae_title: str = "FIRSTREAD"
    host: str = "127.0.0.1"
    port: int = 11112
    acceptance: Acceptance = field(default_factory=Acceptance)
    destinations: Mapping[str, Peer] = field(default_factory=dict)
    tls: SSLContext | LiveContext | None = field(default=None, repr=False)
    calling_tls: SSLContext | LiveContext | None = field(default=None, repr=False)
    quiet_s: float = 10.0
    open_s: float = 30.0


class Node:
    """Answers C-ECHO, C-STORE, C-FIND, C-MOVE, C-GET and storage commitment, from its making to `close`.

    Args:
        archive: What is stored and served.
        listening: Where and to whom.
        receive: In place of `archive.receive`.
        rights: What each caller may do, by its AE title; those of the archive's database are asked where there are
            none.

    Attributes:
        port: The TCP port that it listens on.

    Raises:
        UsageError: the port is taken, or is not this process's to take.
    """

    def __init__(
        self,
        archive: Archive,
        listening: Listening,
        *,
        receive: Callable[..., Receipt] | None = None,
        rights: Rights | None = None,
    ) -> None:
        callers = Callers(rights or Rights(archive.engine))
        acceptance = listening.acceptance
        entity = Entity(listening.ae_title, pdu_bytes=acceptance.pdu_bytes, seconds=acceptance.idle_s)
        entity.require_called_aet = True
        entity.maximum_associations = acceptance.associations
        for sop_class in SERVED:
            entity.add_supported_context(sop_class, list(SPOKEN))
        self._acceptance = acceptance
        self._tls = (listening.tls, listening.calling_tls)
        tls, calling_tls = (each.context if isinstance(each, LiveContext) else each for each in self._tls)
        self._commitment = CommitmentSCP(archive, entity, listening.destinations, calling_tls, callers)
        self._trail = NodeTrail(archive.engine)
        self._open = OpenStudies(archive.engine, quiet_s=listening.quiet_s, open_s=listening.open_s)
        store = StorageSCP(receive or archive.receive, callers, self._trail, self._open)
        retrieve = RetrieveSCP(archive, listening.destinations, calling_tls, callers, self._trail)
        try:
            self._server = Server(
                entity,
                (listening.host, listening.port),
                acceptance,
                tls=tls,
                handlers=[
                    (evt.EVT_REQUESTED, self._admit),
                    (evt.EVT_C_ECHO, _echo),
                    (evt.EVT_C_STORE, store.store),
                    (evt.EVT_C_FIND, QuerySCP(archive.engine, listening.ae_title, callers, self._trail).find),
                    (evt.EVT_C_MOVE, retrieve.move),
                    (evt.EVT_C_GET, retrieve.get),
                    (evt.EVT_N_ACTION, self._commitment.request),
                ],
            )
        except BaseException:
            self._commitment.close()
            self._open.close()
            self._trail.close()
            raise
        self.port = self._server.port
        self._thread = threading.Thread(target=self._server.serve_forever, name="dicom-listener", daemon=True)
        self._thread.start()

    @property
    def listening(self) -> bool:
        """Whether connections are taken."""
        return self._thread.is_alive()

    def renew(self) -> None:
        """Take certificates that have changed, of its own and of its calls; associations that are open go on."""
        for each in self._tls:
            if isinstance(each, LiveContext):
                each.renew()

    def close(self, *, grace_s: float = GRACE_S) -> None:
        """Stop listening, let what is under way be finished, and end the rest; what is not acknowledged is resent."""
        self._server.stop(grace_s)
        self._thread.join()
        self._commitment.close()
        self._open.close()
        self._trail.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _admit(self, event: evt.Event) -> None:
        """Reject who may not call: for good, by the service user, calling AE title not recognised."""
        asked: Any = event.assoc.requestor.primitive
        try:
            heard = self._acceptance.is_heard(str(asked.calling_ae_title), event.assoc.requestor.address)
        except Exception:  # pynetdicom would go on after it
            heard = False
        if heard:
            return
        self._trail.refused(event, "association", "dicom_callers does not list its calling AE title")
        _log.warning("an association was rejected: dicom_callers does not list its calling AE title")
        event.assoc.acse.send_reject(0x01, 0x01, 0x03)
        event.assoc.is_rejected = True
        event.assoc.kill()


def _echo(event: evt.Event) -> int:
    return SUCCESS
