"""What sends the audit trail to a collector, as a part of a process."""

import logging
import threading
from collections import deque
from contextlib import suppress
from time import monotonic
from typing import Any

from firstread.access.audit.forwarding import Place
from firstread.access.audit.message import message_of
from firstread.access.audit.search import Recorded, events_after, head
from firstread.archive import Archive
from firstread.archive.database import reading
from firstread.errors import FirstreadError
from firstread.network.syslog import Collector, Line, parse_collector
from firstread.network.tls import TLSFiles, client_context
from firstread.settings import Settings

_log = logging.getLogger("firstread.service")
PORTION = 100  # events that are sent before it is remembered that they were
LOOK_S = 1.0
LONGEST_WAIT_S = 60.0
DOUBT_S = 30.0
"""What was sent so shortly before a connection broke is sent again: the collector's host had it, perhaps not it."""


class AuditPart:
    """Sends what is recorded, in order, at least once each; while the collector is away, the trail waits.

    Args:
        archive: Where the trail is.
        settings: Of the installation, with `audit_syslog`.
        look_s: Seconds between two looks for new events.
    """

    name = "audit"

    def __init__(self, archive: Archive, settings: Settings, *, look_s: float = LOOK_S) -> None:
        self._files = TLSFiles(
            settings.audit_syslog_certificate, settings.audit_syslog_key, settings.audit_syslog_authorities
        )
        client_context(self._files)  # says at once what is wrong with the files
        self._host, self._port = parse_collector(settings.audit_syslog or "")
        self._archive = archive
        self._source = settings.audit_source
        self._look_s = look_s
        self._place = Place(archive.engine)
        self._sent = 0
        self._again: int | None = None  # the event after which what is doubtful begins
        self._recent: deque[tuple[float, int]] = deque(
            maxlen=1000
        )  # when a portion was sent, and after which event
        self._is_away = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit-forwarder", daemon=True)
        self._thread.start()

    def facts(self) -> dict[str, Any]:
        """Return whom it sends to."""
        return {"audit_collector": f"{self._host}:{self._port}"}

    def wrong(self) -> str | None:
        """Say nothing against being ready: the trail waits where the collector is away, and the log says so."""
        return None

    def alive(self) -> bool:
        """Tell whether it goes on."""
        return self._thread.is_alive()

    def stop(self, grace_s: float) -> None:
        """End; what was not sent is sent on the next start."""
        self._stop.set()
        self._thread.join(grace_s)

    def _run(self) -> None:
        wait = self._look_s
        collector: Collector | None = None
        while not self._stop.wait(wait):
            try:
                if collector is None:  # made anew after each failure: certificates are rotated
                    collector = Collector(self._host, self._port, client_context(self._files))
                self._send(collector)
                wait = self._look_s
            except FirstreadError as error:
                if collector is not None:
                    collector.close()
                    collector = None
                self._doubt()
                wait = min(max(2 * wait, self._look_s), LONGEST_WAIT_S)
                if not self._is_away:
                    _log.warning("audit messages wait: %s", error.message)
                self._is_away = True
        if collector is not None:
            collector.close()
        with suppress(FirstreadError):
            self._place.let_go()

    def _send(self, collector: Collector) -> None:
        """Send what is new."""
        while not self._stop.is_set():
            with reading(self._archive.engine) as connection:
                end = head(connection)
            if end is None or end.number <= self._sent:
                return
            place = self._place.take()
            if place is None:
                return  # another process sends
            after = place if self._again is None else min(place, self._again)
            with reading(self._archive.engine) as connection:
                portion = events_after(connection, after, limit=PORTION)
            if portion:
                collector.send([self._line(each) for each in portion])
                self._place.move(portion[-1].number)
                self._recent.append((monotonic(), after))
            self._sent = portion[-1].number if portion else after
            self._again = self._sent if self._sent < place else None
            if self._is_away:
                _log.info("audit messages are sent again")
                self._is_away = False

    def _doubt(self) -> None:
        since = monotonic() - DOUBT_S
        doubtful = [after for at, after in self._recent if at >= since]
        if doubtful:
            self._again = min(doubtful)
        self._recent.clear()

    def _line(self, recorded: Recorded) -> Line:
        said = recorded.content
        return Line(said["at"], said["host"], message_of(recorded, source=self._source))
