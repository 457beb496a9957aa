"""What the steps of a study's path work with, and how they wait for a database that is away."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from firstread.archive import Archive
from firstread.archive.columns import new_token
from firstread.errors import ArchiveUnavailable, Cancelled
from firstread.settings import Settings
from firstread.workflow.reading import ReadingProcesses

LONGEST_WAIT_S = 15.0

T = TypeVar("T")


@dataclass(frozen=True)
class Node:
    """One worker's share of the work: its archive, its reading processes, and its name among the workers."""

    archive: Archive
    settings: Settings
    processes: ReadingProcesses
    worker: str = field(default_factory=new_token)
    stopping: threading.Event = field(default_factory=threading.Event)
    news: threading.Event = field(default_factory=threading.Event)

    def patiently(self, change: Callable[[], T]) -> T:
        """Try until the archive's database answers; a worker that is told to stop waits no longer.

        Raises:
            Cancelled: the worker stops; nothing was changed, and another goes on from here.
        """
        wait_s = 0.5
        while True:
            try:
                return change()
            except ArchiveUnavailable:
                if self.stopping.wait(wait_s):
                    raise Cancelled("The worker stops.") from None
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
