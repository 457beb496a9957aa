"""Reads in warm child processes: a read that ends its process, or never ends, harms nothing but itself."""

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from firstread.progress import Progress
from firstread.settings import Settings

if TYPE_CHECKING:
    from firstread.engine import Placement

CHECK_S = 0.5  # how often it is asked whether the read is still wanted
_PIECE = 65_536
_DEBUG = "FIRSTREAD_DEBUG"

Verdict = Literal["read", "refused", "failed", "no room", "stopped"]


@dataclass(frozen=True)
class ReadRequest:
    """What to read, and where the result goes; paths are absolute."""

    files: tuple[str, ...]
    out: str
    reader: str
    lang: str
    study_uid: str
    series_uid: str | None
    prior: str | None
    predecessor: str | None


@dataclass(frozen=True)
class ReadOutcome:
    """How a read ended.

    `verdict`: read; refused, for good: the input, or the reader's name; failed: it may pass; no room: the disk is
    full; stopped: it was not wanted any more. `error` says why, without a patient.
    """

    verdict: Verdict
    error: str = ""


class ReadingProcesses:
    """The children of a worker, kept between reads with their networks loaded.

    Args:
        settings: Threads and precision of the reads; `worker_reads` share the cores, or each of `worker_instances` has
            its own.

    Attributes:
        at_once: How many reads may run at a time.

    Raises:
        UsageError: there are not enough cores for so many instances.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._free = list(_places(settings))
        self.at_once = len(self._free) or settings.worker_reads
        self._idle: list[_Child] = []
        self._busy: list[_Child] = []
        self._lock = threading.Lock()
        self._closed = False

    def prepare(self) -> None:
        """Start the children, so that the first reads need not wait for them."""
        with self._lock:
            self._idle += [self._new() for _ in range(self.at_once)]

    def read(
        self, request: ReadRequest, *, wanted: Callable[[], bool], progress: Progress, limit_s: float
    ) -> ReadOutcome:
        """Read in a child, which is killed where the read takes longer than `limit_s` or is not wanted any more.

        Args:
            request: What to read.
            wanted: Asked twice a second; False stops the read at once.
            progress: Called with stage and share, as the reader tells them.
            limit_s: Seconds the read may take.
        """
        with self._child() as child:
            if child is None:
                return ReadOutcome("stopped")
            return child.read(request, wanted=wanted, progress=progress, limit_s=limit_s)

    def close(self) -> None:
        """Kill every child; reads that run end as stopped."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = list(self._busy)
        for child in busy:
            child.kill()
        for child in idle:
            child.close()

    @contextmanager
    def _child(self) -> Iterator["_Child | None"]:
        with self._lock:
            if self._closed:
                child = None
            else:
                while self._idle and not self._idle[-1].alive:
                    self._end(self._idle.pop())
                child = self._idle.pop() if self._idle else self._new()
                self._busy.append(child)
        try:
            yield child
        finally:
            if child is not None:
                with self._lock:
                    self._busy.remove(child)
                    kept = child.alive and not self._closed
                    if kept:
                        self._idle.append(child)
                if not kept:
                    self._end(child)

    def _new(self) -> "_Child":
        return _Child(self._settings, self._free.pop() if self._free else None)

    def _end(self, child: "_Child") -> None:
        """End a child; the next one has its place."""
        child.close()
        if child.place is not None:
            self._free.append(child.place)


def _places(settings: Settings) -> "tuple[Placement, ...]":
    """Return where each instance goes; none where reads share the cores."""
    if settings.worker_instances is None:
        return ()
    from firstread.engine import plan_here

    return plan_here(instances=settings.worker_instances, threads=settings.threads)


class _Child:
    """One process of `firstread.workflow.reading_child`; ends when its standard input does.

    Attributes:
        place: Its cores and memory; None: it shares the worker's.
    """

    def __init__(self, settings: Settings, place: "Placement | None") -> None:
        self.place = place
        answers, told = os.pipe()
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",  # nothing is imported from the folder in which the node was started
                    "-m",
                    "firstread.workflow.reading_child",
                    str(told),
                    json.dumps(
                        {
                            "precision": settings.precision,
                            "threads": settings.threads,
                            "shared_by": settings.worker_reads,
                            "placement": asdict(place) if place else None,
                            "cache_dir": str(settings.cache_dir),
                            "models": [str(path) for path in settings.models],
                        }
                    ),
                ],
                stdin=subprocess.PIPE,
                # What libraries print there can quote the input, and so a patient.
                stdout=subprocess.DEVNULL,
                stderr=None if os.environ.get(_DEBUG) == "1" else subprocess.DEVNULL,
                pass_fds=(told,),
                # Ctrl-C in a terminal reaches the whole group: the worker decides what becomes of its reads.
                start_new_session=True,
            )
        except BaseException:
            os.close(answers)
            raise
        finally:
            os.close(told)
        self._answers = answers
        self._rest = b""
        self._killed = threading.Event()
        self._kill_lock = threading.Lock()

    @property
    def alive(self) -> bool:
        return not self._killed.is_set() and self._process.poll() is None

    def kill(self) -> None:
        """End the process at once; a second time does nothing."""
        with self._kill_lock:
            if self._killed.is_set():
                return
            self._killed.set()
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Kill the process and let go of its pipes; for whoever reads from them."""
        self.kill()
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        os.close(self._answers)

    def read(
        self, request: ReadRequest, *, wanted: Callable[[], bool], progress: Progress, limit_s: float
    ) -> ReadOutcome:
        ends = time.monotonic() + limit_s
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(asdict(request)).encode() + b"\n")
            self._process.stdin.flush()
            for line in self._lines():
                if line is None:
                    if not wanted():
                        self.kill()
                        return ReadOutcome("stopped")
                    if time.monotonic() > ends:
                        self.kill()
                        return ReadOutcome("failed", f"The read did not end within {limit_s:g} seconds.")
                    continue
                told = json.loads(line)
                if "stage" in told:
                    progress(str(told["stage"]), float(told["share"]))
                else:
                    return ReadOutcome(told["verdict"], str(told["error"]))
        except (OSError, ValueError):  # it died while it was spoken to, or speaks nonsense
            pass
        stopped = self._killed.is_set()
        self.kill()
        return ReadOutcome("stopped") if stopped else ReadOutcome("failed", self._last_words())

    def _lines(self) -> Iterator[bytes | None]:
        """Yield what the child tells, line by line, and None every CHECK_S; ends when the child does."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            checked = time.monotonic()
            while True:
                ready = selector.select(CHECK_S)
                if time.monotonic() - checked >= CHECK_S:
                    yield None
                    checked = time.monotonic()
                if ready:
                    piece = os.read(self._answers, _PIECE)
                    if not piece:
                        return
                    *lines, self._rest = (self._rest + piece).split(b"\n")
                    yield from lines

    def _last_words(self) -> str:
        code = self._process.returncode
        if code == -signal.SIGKILL:
            return "The reading process was killed; perhaps memory ran out."
        if code is not None and code < 0:
            return f"The reading process ended with {signal.Signals(-code).name}."
        return f"The reading process ended with code {code}."
