"""C-MOVE and C-GET: stored files, sent as they are to who may have them."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from ssl import SSLContext
from typing import Any, cast

from pydicom.dataset import Dataset
from pynetdicom import evt

from firstread.access import Action
from firstread.access.gate import Denied
from firstread.archive import Archive
from firstread.archive.database import reading
from firstread.archive.locate import locate_matches
from firstread.archive.query import find
from firstread.dicom.quiet import quiet
from firstread.errors import UsageError
from firstread.network.acceptor import Acceptor
from firstread.network.callers import Callers
from firstread.network.contexts import MOST_CONTEXTS, is_study_root, storage_contexts
from firstread.network.identifiers import identifier_of, read_query, unique_keys
from firstread.network.outgoing import located_files
from firstread.network.peers import Peer
from firstread.network.sending import Outgoing
from firstread.network.statuses import CANCELLED, PENDING, query_status
from firstread.network.trail import NodeTrail, caller_of

_log = logging.getLogger("firstread.network")
MOST_INSTANCES = 65_535  # PS3.7: the numbers of sub-operations have 16 bits


class RetrieveSCP:
    """Sends what is asked for.

    Args:
        archive: Where the files are.
        destinations: Where C-MOVE may send to, by AE title; nowhere else.
        tls: For destinations over TLS.
        callers: What they may ask for.
        trail: Where retrievals are recorded.
    """

    def __init__(
        self,
        archive: Archive,
        destinations: Mapping[str, Peer],
        tls: SSLContext | None,
        callers: Callers,
        trail: NodeTrail,
    ) -> None:
        self._callers = callers
        self._trail = trail
        self._archive = archive
        self._destinations = destinations
        self._tls = tls

    def get(self, event: evt.Event) -> Iterator[Any]:
        """Yield the number of instances of one C-GET request, and then each."""
        try:
            files = self._files(event, "C-GET")
        except Exception as error:
            yield 1
            yield _failed("C-GET", error)
            return
        yield len(files)
        yield from self._sent(event, files)

    def move(self, event: evt.Event) -> Iterator[Any]:
        """Yield the destination of one C-MOVE request, the number of instances, and then each."""
        peer = self._destinations.get(str(cast(Any, event.request).MoveDestination).strip())
        if peer is None or (peer.tls and self._tls is None):
            _log.warning("C-MOVE to a destination that the settings do not name")
            yield None, None
            return
        options: dict[str, Any] = {"ae_title": peer.ae_title}
        try:
            files = self._files(event, "C-MOVE", peer.ae_title)
            contexts = storage_contexts(files)
            if len(contexts) > MOST_CONTEXTS:
                raise UsageError(
                    "Too many SOP classes and transfer syntaxes.", remedy="Move series by series."
                )
        except Exception as error:
            status, _ = _failed("C-MOVE", error)
            cast(Acceptor, event.assoc).dimse.refuse_next(status)
            yield peer.host, peer.port
            yield 0
            return
        options["contexts"] = contexts
        if peer.tls:
            options["tls_args"] = (self._tls, peer.host)
        yield peer.host, peer.port, options
        yield len(files)
        yield from self._sent(event, files)

    def _files(self, event: evt.Event, service: str, destination: str = "") -> list[Outgoing]:
        study_root = is_study_root(str(cast(Any, event.request).AffectedSOPClassUID))
        with quiet():  # pydicom's remarks quote what was asked
            query = read_query(identifier_of(event), study_root=study_root)
            keys = unique_keys(query)
        try:
            within = self._callers.grant(event, Action.READ_STUDY).within
        except Denied:
            self._trail.refused(event, service, "denied")
            raise
        level = "study" if query.level == "patient" else query.level
        with reading(self._archive.engine) as connection:
            found = locate_matches(connection, keys, limit=MOST_INSTANCES + 1, within=within)
            of = find(connection, level, keys, limit=MOST_INSTANCES, within=within) if found else []
        if len(found) > MOST_INSTANCES:
            raise UsageError("Too many instances for one retrieval.", remedy="Retrieve study by study.")
        self._trail.sent(event, service, of, destination=destination or caller_of(event).name)
        return located_files(self._archive, found)

    def _sent(self, event: evt.Event, files: Sequence[Outgoing]) -> Iterator[tuple[int, Dataset | None]]:
        for each in files:
            if event.is_cancelled:
                yield CANCELLED, None
                return
            yield PENDING, each.as_dataset()


def _failed(service: str, error: Exception) -> tuple[int, None]:
    status = query_status(error)
    _log.warning("%s failed with %04X: %s", service, status, type(error).__name__)
    return status, None
