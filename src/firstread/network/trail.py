"""The audit trail of what other nodes do here: one event a query or retrieval, two a study that is received.

Of each study that a node sends, the first instance is acknowledged only when it is recorded that it began; how many
came is recorded when it has been quiet for a while, whatever number of associations it took.
"""

import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import Any, Self, cast

from pynetdicom import evt
from sqlalchemy import Engine

from firstread.access import Actor
from firstread.access.audit import Event, EventCode, record_now
from firstread.access.audit.event import Does, Outcome
from firstread.access.audit.recently import Recently
from firstread.access.audit.subjects import patients_of
from firstread.archive import Receipt
from firstread.archive.database import reading
from firstread.errors import FirstreadError

_log = logging.getLogger("firstread.network")
QUIET_S = 10.0
LONGEST_S = 300.0
_LOOK_S = 1.0


@dataclass
class _Coming:
    """A study that a node sends: when it began and went on (monotonic seconds), and how much of it came."""

    actor: Actor
    study_uid: str
    began: float
    last: float
    instances: int = 0


class NodeTrail:
    """Records what nodes do, from its making to `close`.

    Args:
        engine: The archive's database.
        quiet_s: Seconds after the last instance of a study, after which it is recorded that it came.
    """

    def __init__(self, engine: Engine, *, quiet_s: float = QUIET_S) -> None:
        self._engine = engine
        self._quiet_s = quiet_s
        self._coming: dict[tuple[str, str, str], _Coming] = {}
        self._rejected = Recently()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="node-trail", daemon=True)
        self._thread.start()

    def asked(self, event: evt.Event, keys: Mapping[str, str], level: str, *, denied: bool = False) -> None:
        """Record a query, before it is answered.

        Raises:
            ArchiveUnavailable: it cannot be written; the query must not be answered.
        """
        query = "\n".join(f"{keyword}={value}" for keyword, value in sorted(keys.items()))
        sop_class = str(cast(Any, event.request).AffectedSOPClassUID)
        detail = {"service": "C-FIND", "sop_class": sop_class, "level": level, "query": query}
        self._now(EventCode.QUERY, "E", 4 if denied else 0, caller_of(event), detail=detail)

    def sent(
        self, event: evt.Event, service: str, found: Iterable[Mapping[str, object]], *, destination: str
    ) -> None:
        """Record that instances are given away, before the first is.

        Args:
            event: The request.
            service: C-GET or C-MOVE.
            found: What is sent: at least StudyInstanceUID and PatientID of each match.
            destination: AE title that gets it.

        Raises:
            ArchiveUnavailable: it cannot be written; nothing must be sent.
        """
        rows = list(found)
        studies = sorted({str(row["StudyInstanceUID"]) for row in rows})
        patients = sorted({str(row["PatientID"] or "") for row in rows} - {""})
        detail = {"service": service, "destination": destination}
        if studies:
            self._now(
                EventCode.INSTANCES_TRANSFERRED, "R", 0, caller_of(event), patients, studies, detail=detail
            )

    def refused(self, event: evt.Event, service: str, problem: str) -> None:
        """Record that a node asked for what it may not do; what cannot be written is only logged."""
        actor = caller_of(event)
        key = (actor.name, actor.address, service, problem)
        if self._rejected.has(key):
            return
        self._rejected.add(key)
        code = EventCode.NODE_AUTHENTICATION if service == "association" else EventCode.RESTRICTED_FUNCTION
        try:
            self._now(code, "E", 4, actor, detail={"service": service, "problem": problem})
        except FirstreadError as error:
            _log.error("the audit trail cannot be written: %s", type(error).__name__)

    def received(self, event: evt.Event, receipt: Receipt) -> None:
        """Count an instance before it is acknowledged; of a study's first, record that it begins.

        Raises:
            ArchiveUnavailable: it cannot be written; the instance must not be acknowledged.
        """
        actor = caller_of(event)
        key = (actor.name, actor.address, receipt.study_uid)
        at = monotonic()
        with self._lock:
            known = self._coming.get(key)
            if known is not None:
                known.last = at
                known.instances += 1
                return
        with reading(self._engine) as connection:
            patients = patients_of(connection, [receipt.study_uid])
        self._now(
            EventCode.BEGIN_TRANSFERRING, "C", 0, actor, patients, [receipt.study_uid], {"service": "C-STORE"}
        )
        with self._lock:
            self._coming.setdefault(key, _Coming(actor, receipt.study_uid, at, at)).instances += 1

    def close(self) -> None:
        """Record what came so far, and stop."""
        self._stop.set()
        self._thread.join()
        self._tell(everything=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        while not self._stop.wait(min(_LOOK_S, self._quiet_s)):
            self._tell()

    def _tell(self, *, everything: bool = False) -> None:
        at = monotonic()
        with self._lock:
            done = {
                key: each
                for key, each in self._coming.items()
                if everything or at - each.last >= self._quiet_s or at - each.began >= LONGEST_S
            }
            for key in done:
                del self._coming[key]
        for key, each in done.items():
            try:
                with reading(self._engine) as connection:
                    patients = patients_of(connection, [each.study_uid])
                self._now(
                    EventCode.INSTANCES_TRANSFERRED, "C", 0, each.actor, patients, [each.study_uid],
                    {"service": "C-STORE", "instances": str(each.instances)},
                )  # fmt: skip
            except FirstreadError:  # the next look tries again
                with self._lock:
                    again = self._coming.setdefault(key, each)
                    if again is not each:
                        again.instances += each.instances

    def _now(
        self,
        code: EventCode,
        does: Does,
        outcome: Outcome,
        actor: Actor,
        patients: Iterable[str] = (),
        studies: Iterable[str] = (),
        detail: Mapping[str, str] | None = None,
    ) -> None:
        event = Event(code, does, outcome, actor, tuple(patients), tuple(studies), detail or {})
        record_now(self._engine, event)


def caller_of(event: evt.Event) -> Actor:
    """Return who sent a request, also one that is not let in."""
    requestor = event.assoc.requestor
    title = requestor.ae_title or getattr(requestor.primitive, "calling_ae_title", "") or ""
    return Actor("node", str(title).strip(), address=str(requestor.address or ""))
