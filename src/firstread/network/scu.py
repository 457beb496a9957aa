"""Calls to other nodes: C-ECHO, C-STORE with retry and back-off, C-FIND, C-GET and C-MOVE."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import _STORAGE_CLASSES, Verification  # type: ignore[attr-defined]

from firstread.errors import FirstreadError
from firstread.network.contexts import (
    FIND,
    GET,
    MOST_CONTEXTS,
    MOVE,
    SPOKEN,
    in_associations,
    storage_contexts,
)
from firstread.network.entity import Entity
from firstread.network.peers import Peer
from firstread.network.sending import UNCOMPRESSED, Outgoing
from firstread.network.statuses import PENDING, PENDING_WITHOUT_SOME_KEYS, SUCCESS, may_pass
from firstread.network.storage_scp import Receive, StorageSCP
from firstread.progress import Progress, silent

_log = logging.getLogger("firstread.network")
TRIES = 6
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
_WARNINGS = (0xB000, 0xB006, 0xB007)  # stored, with elements coerced or discarded
_JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
_COMPRESSED = (
    *_JPEG_LS,
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.5",
)


class PeerFailed(FirstreadError):
    """Another node does not answer, or refuses; the message says which and how."""


@dataclass(frozen=True)
class Sent:
    """What became of a sending: numbers of instances, and those that the peer refused, with the status of each."""

    sent: int
    refused: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Caller:
    """Calls other nodes.

    Args:
        ae_title: Its own.
        tls: For peers over TLS.
        seconds: How long it waits for an answer.
        tries: Calls in a row that may fail, without an instance sent, until it gives up.
        first_wait_s: Wait after the first failure; doubled after each, up to a minute.
    """

    ae_title: str = "FIRSTREAD"
    tls: SSLContext | None = field(default=None, repr=False)
    seconds: float = 60.0
    tries: int = TRIES
    first_wait_s: float = FIRST_WAIT_S

    def echo(self, peer: Peer) -> float:
        """Send C-ECHO, and return how long its answer took (seconds).

        Raises:
            PeerFailed: the peer does not answer, or not with Success.
        """
        with self._association(peer, [build_context(Verification)]) as association:
            start = time.perf_counter()
            _expect(association.send_c_echo(), peer, "C-ECHO")
            return time.perf_counter() - start

    def send(self, peer: Peer, files: Sequence[Outgoing], *, progress: Progress = silent) -> Sent:
        """Send files as they are stored, each until it is acknowledged or refused for good.

        A peer that is away, breaks off, or is out of resources (A7xx) is tried again, later each time.

        Args:
            peer: Where to.
            files: What to send.
            progress: Called with the stage "send".

        Raises:
            PeerFailed: the peer took nothing in `tries` calls in a row; what it had acknowledged it has.
        """
        left = list(files)
        refused: list[tuple[str, int]] = []
        failures = 0
        while left:
            before = len(left)
            problem = "it is out of resources"
            try:
                for part in list(in_associations(left)):
                    for each, status in self._send_part(peer, part):
                        if may_pass(status):
                            continue
                        left.remove(each)
                        if status != SUCCESS and status not in _WARNINGS:
                            refused.append((each.sop_instance_uid, status))
                        progress("send", 1 - len(left) / len(files))
            except PeerFailed as error:
                problem = error.message
            if not left:
                break
            failures = 0 if len(left) < before else failures + 1
            if failures >= self.tries:
                raise PeerFailed(
                    f"{len(left)} of {len(files)} instances were not sent to {peer}: {problem}",
                    remedy="See that it runs and knows this AE title; then send again.",
                )
            time.sleep(min(self.first_wait_s * 2 ** max(failures - 1, 0), LONGEST_WAIT_S))
        return Sent(len(files) - len(refused), tuple(refused))

    def find(self, peer: Peer, level: str, keys: Mapping[str, str]) -> list[Dataset]:
        """Return what a peer has (C-FIND, Study Root).

        Args:
            peer: Whom to ask.
            level: STUDY, SERIES or IMAGE.
            keys: DICOM keywords and values; an empty value is returned, not matched.

        Raises:
            PeerFailed: it does not answer, or with a failure.
        """
        found: list[Dataset] = []
        with self._association(peer, [build_context(FIND, list(SPOKEN))]) as association:
            status = Dataset()
            for status, identifier in association.send_c_find(_identifier(level, keys), FIND):
                if _status(status) in (PENDING, PENDING_WITHOUT_SOME_KEYS) and identifier is not None:
                    found.append(identifier)
            _expect(status, peer, "C-FIND")
        return found

    def get(self, peer: Peer, keys: Mapping[str, str], receive: Receive) -> int:
        """Fetch a study or series into an archive with C-GET, and return how many instances came.

        Args:
            peer: From where.
            keys: StudyInstanceUID, and SeriesInstanceUID where only one series is wanted.
            receive: `Archive.receive`.

        Raises:
            PeerFailed: it does not answer, or could not send everything.
        """
        level = "SERIES" if keys.get("SeriesInstanceUID") else "STUDY"
        classes = self._classes(peer, keys)
        contexts = [build_context(GET, list(SPOKEN))]
        for sop_class in classes:
            contexts += [build_context(sop_class, list(UNCOMPRESSED[:2]))]
            contexts += [build_context(sop_class, syntax) for syntax in _COMPRESSED]
        roles = [build_role(sop_class, scp_role=True) for sop_class in classes]
        store = StorageSCP(receive, None)
        options = {"ext_neg": roles, "evt_handlers": [(evt.EVT_C_STORE, store.store)]}
        with self._association(peer, contexts[:MOST_CONTEXTS], **options) as association:
            return _retrieved(association.send_c_get(_identifier(level, keys), GET), peer, "C-GET")

    def move(self, peer: Peer, keys: Mapping[str, str], *, destination: str) -> int:
        """Have a peer send a study or series to an AE title that it knows, ours as a rule (C-MOVE).

        Returns:
            How many instances it sent.

        Raises:
            PeerFailed: it does not answer, or could not send everything.
        """
        level = "SERIES" if keys.get("SeriesInstanceUID") else "STUDY"
        with self._association(peer, [build_context(MOVE, list(SPOKEN))]) as association:
            return _retrieved(
                association.send_c_move(_identifier(level, keys), destination, MOVE), peer, "C-MOVE"
            )

    def _classes(self, peer: Peer, keys: Mapping[str, str]) -> list[str]:
        """Return the SOP classes that are to be fetched; where the peer does not say, those of CT and of reports."""
        asked = {
            **keys,
            "SOPInstanceUID": "",
            "SOPClassUID": "",
            "SeriesInstanceUID": keys.get("SeriesInstanceUID", ""),
        }
        found = {str(each.get("SOPClassUID", "")) for each in self.find(peer, "IMAGE", asked)} - {""}
        usual = ("CTImageStorage", "ComputedRadiographyImageStorage", "DigitalXRayImageStorageForPresentation",
                 "SecondaryCaptureImageStorage", "ComprehensiveSRStorage", "SegmentationStorage")  # fmt: skip
        most = (MOST_CONTEXTS - 1) // (1 + len(_COMPRESSED))
        return (sorted(found) or [str(_STORAGE_CLASSES[name]) for name in usual])[:most]

    def _send_part(self, peer: Peer, part: Sequence[Outgoing]) -> Iterator[tuple[Outgoing, int]]:
        with self._association(peer, storage_contexts(part)) as association:
            for each in part:
                try:
                    status = _status(association.send_c_store(each.as_dataset()))
                except ValueError:  # it takes no such SOP class, or not in this transfer syntax
                    yield each, 0x0122
                    continue
                except RuntimeError:
                    status = None
                if status is None:
                    raise PeerFailed(f"{peer} broke off.")
                yield each, status

    @contextmanager
    def _association(
        self,
        peer: Peer,
        contexts: list[PresentationContext],
        **options: Any,  # noqa: ANN401 - as pynetdicom's
    ) -> Iterator[Association]:
        if peer.tls:
            if self.tls is None:
                raise PeerFailed(f"{peer} is called over TLS only.", remedy="Set dicom_tls_authorities.")
            options["tls_args"] = (self.tls, peer.host)
        entity = Entity(self.ae_title, seconds=self.seconds)
        try:
            association = entity.associate(
                peer.host, peer.port, contexts=contexts, ae_title=peer.ae_title, **options
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise PeerFailed(f"{peer} cannot be called: {type(error).__name__}.") from None
        if not association.is_established:
            lacking = "does not offer what it is called for" if association.rejected_contexts else ""
            how = "rejects this node" if association.is_rejected else lacking or "does not answer"
            remedy = "It must list the AE title and address of this node." if association.is_rejected else ""
            raise PeerFailed(f"{peer} {how}.", remedy=remedy)
        try:
            yield association
        except ValueError:  # pynetdicom's word for a service that the peer did not accept
            raise PeerFailed(f"{peer} does not offer what it is called for.") from None
        finally:
            if association.is_established:
                association.release()


def _identifier(level: str, keys: Mapping[str, str]) -> Dataset:
    made = Dataset()
    made.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(made, keyword, value)
    return made


def _retrieved(responses: Iterator[tuple[Dataset, Dataset | None]], peer: Peer, service: str) -> int:
    last = Dataset()
    for answer, _ in responses:
        last = answer
    _expect(last, peer, service)
    return int(last.get("NumberOfCompletedSuboperations", 0))


def _status(answer: Dataset) -> int | None:
    return int(answer.Status) if "Status" in answer else None


def _expect(answer: Dataset, peer: Peer, service: str) -> None:
    status = _status(answer)
    if status is None:
        raise PeerFailed(f"{peer} broke off during {service}.")
    if status != SUCCESS:
        raise PeerFailed(f"{peer} answered {service} with status {status:04X}.")
