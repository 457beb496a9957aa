"""Workers and their signs of life; what a lost one had begun is taken over, by whoever is first."""

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from firstread.archive import Archive
from firstread.archive.columns import now
from firstread.archive.database import reading, writing
from firstread.archive.models import Worker
from firstread.workflow import durable

STRANDED_S = 10.0
_PROC = Path("/proc")


def this_process() -> str:
    """Return a name of this process that no other has, on this host and since it was started."""
    return f"{_host()}/{os.getpid()}/{_begun(os.getpid())}"


def has_ended(process: str) -> bool:
    """Tell whether a process of this host has ended; of another host nobody here can tell."""
    host, _, rest = process.rpartition("/")[0].rpartition("/")
    begun = process.rpartition("/")[2]
    return host == _host() and rest.isdigit() and _begun(int(rest)) != begun


def _host() -> str:
    """Return where process numbers mean the same: since this boot, in this container (proc(5), namespaces(7))."""
    boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{os.stat(_PROC / 'self/ns/pid').st_ino}"


def _begun(process: int) -> str:
    """Return when a process was started, in ticks since the boot; "" where there is none (proc(5), field 22)."""
    with suppress(OSError, IndexError):
        status = (_PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
        if status[0] != "Z":  # it has ended, and only its parent has not noticed yet
            return status[19]
    return ""


def sign_of_life(archive: Archive, worker: str) -> None:
    """Say that a worker is there.

    Raises:
        ArchiveUnavailable: the database does not answer.
    """
    make: Any = sqlite.insert if archive.engine.dialect.name == "sqlite" else postgresql.insert
    row = {"id": worker, "host": socket.gethostname(), "process": this_process()}
    statement = make(Worker).values(row)
    with writing(archive.engine) as connection:
        connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"seen_at": now()}))


def sign_off(archive: Archive, worker: str) -> None:
    """Say that a worker has stopped, and has nothing under way.

    Raises:
        ArchiveUnavailable: the database does not answer.
    """
    with writing(archive.engine) as connection:
        connection.execute(delete(Worker).where(Worker.id == worker))


class Watch:
    """Looks for workers that are lost, by this host's own time: the clocks of hosts need not agree.

    Args:
        archive: Where the workers' signs of life are.
        own: Who watches.
        lost_s: Seconds without a new sign of life after which a worker is lost. One whose process has ended on this
            host is lost at once.
        clock: Tells the seconds that have gone.
    """

    def __init__(
        self, archive: Archive, own: str, *, lost_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._archive = archive
        self._own = own
        self._lost_s = lost_s
        self._clock = clock
        self._stranded: dict[str, float] = {}  # workflows, and since when
        self._signs: dict[
            str, tuple[datetime, float]
        ] = {}  # of each worker: the last sign, and when it was seen

    def take_over_lost(self) -> tuple[str, ...]:
        """Take over what lost workers had begun, and return them.

        Several watch at once: each workflow goes to one of them.

        Raises:
            ArchiveUnavailable: the database does not answer.
        """
        working = durable.executors()  # before the rows: whoever works has one
        with reading(self._archive.engine) as connection:
            known = connection.execute(select(Worker.id, Worker.process, Worker.seen_at)).all()
        present = self._clock()
        before = self._signs
        self._signs = {
            row.id: before[row.id]
            if row.id in before and before[row.id][0] == row.seen_at
            else (row.seen_at, present)
            for row in known
        }
        gone = [
            row
            for row in known
            if row.id != self._own
            and (present - self._signs[row.id][1] > self._lost_s or has_ended(row.process))
        ]
        alive = {self._own, *(row.id for row in known)} - {row.id for row in gone}
        lost = sorted(working - alive)
        if lost:
            durable.take_over(lost)
        if gone:
            with writing(self._archive.engine) as connection:
                for row in gone:
                    same = (Worker.id == row.id, Worker.seen_at == row.seen_at)
                    connection.execute(delete(Worker).where(*same))
        return tuple(lost)

    def abandon_stranded(self) -> None:
        """End the workflows that this worker has for begun and does not run, for longer than to begin or end takes.

        A database that was full or away can leave such ones behind.
        """
        present = self._clock()
        self._stranded = {each: self._stranded.get(each, present) for each in durable.stranded()}
        ended = [each for each, since in self._stranded.items() if present - since > STRANDED_S]
        if ended:
            durable.abandon(ended)
