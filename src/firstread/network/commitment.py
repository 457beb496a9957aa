"""Storage commitment, push model (PS3.4 annex J): which instances the archive has taken responsibility for."""

import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from ssl import SSLContext
from typing import Any, cast

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import build_context, build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)
from sqlalchemy import ColumnElement

from firstread.access import Action
from firstread.access.gate import Denied
from firstread.archive import Archive
from firstread.archive.database import reading
from firstread.archive.locate import locate
from firstread.dicom.quiet import quiet
from firstread.errors import ArchiveUnavailable
from firstread.network.acceptor import Acceptor
from firstread.network.callers import Callers
from firstread.network.entity import Entity
from firstread.network.identifiers import refuse_larger
from firstread.network.peers import Peer
from firstread.network.statuses import (
    CLASS_INSTANCE_CONFLICT,
    INVALID_ARGUMENT,
    NO_SUCH_ACTION,
    NO_SUCH_INSTANCE,
    NOT_AUTHORISED,
    PROCESSING_FAILURE,
    SUCCESS,
)

_log = logging.getLogger("firstread.network")
REQUEST = 1
ALL_COMMITTED, SOME_FAILED = 1, 2
MOST_INSTANCES = 100_000
LARGEST_REQUEST = 16 << 20  # bytes
_WAITS_S = (0.0, 1.0, 5.0, 30.0, 120.0)
_ANSWERED_S = 30.0


class CommitmentSCP:
    """Answers requests, each with a report of its own.

    The report goes to the destination that has the requester's AE title, on a new association; a requester that
    is no destination gets it on the association on which it asked, while that is open.

    Args:
        archive: What is asked about.
        entity: Calls the requester.
        destinations: By AE title.
        tls: For destinations over TLS.
        callers: What they may ask about: what they sent themselves, and what they may read. Of anything else it is
            said that it is not there.
    """

    def __init__(
        self,
        archive: Archive,
        entity: Entity,
        destinations: Mapping[str, Peer],
        tls: SSLContext | None,
        callers: Callers,
    ) -> None:
        self._callers = callers
        self._archive = archive
        self._entity = entity
        self._destinations = destinations
        self._tls = tls
        self._reporter = ThreadPoolExecutor(4, "commitment")
        self._closing = threading.Event()

    def close(self) -> None:
        """Stop reporting; who was not told asks again."""
        self._closing.set()
        self._reporter.shutdown(cancel_futures=True)

    def request(self, event: evt.Event) -> tuple[int, None]:
        """Take one N-ACTION request; what it asks is checked and reported after it is answered."""
        request = cast(Any, event.request)
        if request.ActionTypeID != REQUEST:
            return NO_SUCH_ACTION, None
        if str(request.RequestedSOPInstanceUID) != StorageCommitmentPushModelInstance:
            return NO_SUCH_INSTANCE, None
        try:
            self._callers.check_store(event)
            within = self._callers.within(event, Action.READ_STUDY)
        except Denied:
            return NOT_AUTHORISED, None
        except ArchiveUnavailable:
            return PROCESSING_FAILURE, None
        try:
            with quiet():  # pydicom's remarks quote what was asked
                refuse_larger(request.ActionInformation, LARGEST_REQUEST)
                asked = event.action_information
                transaction = UID(str(asked.TransactionUID))
                references = [
                    (str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID))
                    for item in asked.ReferencedSOPSequence
                ]
        except Exception as error:
            _log.warning("a request for storage commitment was refused: %s", type(error).__name__)
            return INVALID_ARGUMENT, None
        if not references or len(references) > MOST_INSTANCES or not transaction.is_valid:
            return INVALID_ARGUMENT, None
        self._reporter.submit(self._answer, cast(Acceptor, event.assoc), transaction, references, within)
        return SUCCESS, None

    def _answer(
        self,
        association: Acceptor,
        transaction: str,
        references: list[tuple[str, str]],
        within: ColumnElement[bool] | None,
    ) -> None:
        try:
            asker = str(association.requestor.ae_title).strip()
            report = self._report(transaction, references, asker, within)
            peer = self._destinations.get(asker)
            told = self._on_same(association, report) if peer is None else self._on_new(peer, report)
            if not told:
                _log.warning("a requester of storage commitment could not be told")
        except Exception as error:
            _log.warning("a request for storage commitment failed: %s", type(error).__name__)

    def _report(
        self,
        transaction: str,
        references: list[tuple[str, str]],
        asker: str,
        within: ColumnElement[bool] | None,
    ) -> Dataset:
        """Return the information of the event: what is stored, its file there and complete, and what is not."""
        failed: list[Dataset] = []
        committed: list[Dataset] = []
        try:
            with reading(self._archive.engine) as connection:
                stored = locate(connection, [uid for _, uid in references], within=within, sender=asker)
            kept = {
                uid for uid, found in stored.items() if self._archive.files.is_there(found.file, found.size)
            }
            reasons = {}
        except Exception:
            stored, kept, reasons = (
                {},
                set(),
                dict.fromkeys((uid for _, uid in references), PROCESSING_FAILURE),
            )
        for sop_class, uid in references:
            item = Dataset()
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = UID(sop_class), UID(uid)
            found = stored.get(uid)
            reason = reasons.get(uid, 0)
            if found is None or uid not in kept:
                reason = reason or NO_SUCH_INSTANCE
            elif found.sop_class_uid != sop_class:
                reason = CLASS_INSTANCE_CONFLICT
            if reason:
                item.FailureReason = reason
            (failed if reason else committed).append(item)
        report = Dataset()
        report.TransactionUID = transaction
        if committed:
            report.ReferencedSOPSequence = committed
        if failed:
            report.FailedSOPSequence = failed
        return report

    def _on_same(self, association: Acceptor, report: Dataset) -> bool:
        association.idle.wait(_ANSWERED_S)
        return association.is_established and _send(association, report)

    def _on_new(self, peer: Peer, report: Dataset) -> bool:
        if peer.tls and self._tls is None:
            return False
        for wait in _WAITS_S:
            if self._closing.wait(wait):
                return False
            association = self._entity.associate(
                peer.host,
                peer.port,
                contexts=[build_context(StorageCommitmentPushModel)],
                ae_title=peer.ae_title,
                ext_neg=[build_role(StorageCommitmentPushModel, scp_role=True)],
                tls_args=(self._tls, peer.host) if peer.tls and self._tls else None,
            )
            if association.is_established:
                try:
                    if _send(association, report):
                        return True
                finally:
                    association.release()
        return False


def _send(association: Any, report: Dataset) -> bool:  # noqa: ANN401 - an association of either kind
    event = SOME_FAILED if "FailedSOPSequence" in report else ALL_COMMITTED
    try:
        status, _ = association.send_n_event_report(
            report, event, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
    except (RuntimeError, ValueError):
        return False
    return bool(status) and status.Status == SUCCESS
