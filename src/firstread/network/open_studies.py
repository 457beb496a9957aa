"""A study is not complete while a sender pauses: an association that is open holds back what it brought."""

import logging
import threading
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Protocol

from sqlalchemy import Engine, update

from firstread.archive.columns import now
from firstread.archive.database import writing
from firstread.archive.models import Study
from firstread.errors import ArchiveUnavailable

_log = logging.getLogger("firstread.network")
_LONGEST_LOOK_S = 5.0


class _Association(Protocol):
    @property
    def is_established(self) -> bool: ...


@dataclass
class _Brought:
    """When the last image of a study came over an association; monotonic seconds."""

    association: _Association
    last: float


class OpenStudies:
    """Says of studies whose association is open, and silent, that more of them may come; from its making to `close`.

    While images come nothing is written: that they come says it. The mark is good for less than the quiet period, so
    that one who released at once waits no longer than before, and a process that dies holds nothing back.

    Args:
        engine: The archive's database.
        quiet_s: After how many seconds without an image a study counts as complete.
        open_s: For how many seconds after its last image an open association holds a study back; 0: not at all.
    """

    def __init__(self, engine: Engine, *, quiet_s: float, open_s: float) -> None:
        self._engine = engine
        self._quiet_s, self._open_s = quiet_s, open_s
        self._brought: dict[tuple[int, str], _Brought] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="open-studies", daemon=True)
        if quiet_s > 0 and open_s > quiet_s:
            self._thread.start()

    def came(self, association: _Association, study_uid: str) -> None:
        """Take note that an image of a study came over an association."""
        if self._thread.is_alive():
            with self._lock:
                self._brought[id(association), study_uid] = _Brought(association, monotonic())

    def close(self) -> None:
        """Stop; what was held back waits for its mark to run out."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(min(self._quiet_s / 4, _LONGEST_LOOK_S)):
            held = self._held()
            if not held:
                continue
            try:
                with writing(self._engine) as connection:
                    # Longer than until the next look, and over before the quiet period that began with this one.
                    until = now() + timedelta(seconds=min(self._quiet_s * 0.7, 2 * _LONGEST_LOOK_S))
                    connection.execute(
                        update(Study).where(Study.study_uid.in_(held)).values(expected_until=until)
                    )
            except ArchiveUnavailable as error:
                _log.warning("studies on their way cannot be marked: %s", type(error).__name__)

    def _held(self) -> list[str]:
        """Return the studies that an open association brought, and for a while nothing more of."""
        at = monotonic()
        with self._lock:
            self._brought = {
                key: each
                for key, each in self._brought.items()
                if each.association.is_established and at - each.last < self._open_s
            }
            return sorted(
                {uid for (_, uid), each in self._brought.items() if at - each.last >= self._quiet_s / 4}
            )
