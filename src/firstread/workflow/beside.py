"""A process beside this one that writes documents: what renders them imports for a second and holds Python's lock.

A read is one process whose networks use all cores but whose documents use one. The process beside it is started with
the read, imports while headers are parsed, and writes some documents while this process writes the others. It is kept
for the next read. It is a way to be faster and nothing else: whatever it does not do is done here.
"""

import atexit
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, BinaryIO, cast

_PRELOADED = (
    "firstread.dicom.sr",
    "firstread.dicom.measurement_groups",
    "firstread.reports.pdf_sections",
    "firstread.reports.fhir.bundle",
)
"""highdicom, fpdf2 and fhir.resources take a second to import."""

Call = tuple[Callable[..., object], tuple[Any, ...], dict[str, Any]]

_idle: list["Beside"] = []
_lock = threading.Lock()


class Beside:
    """Calls that another process makes in order, while this one goes on."""

    def __init__(self) -> None:
        self._waiting: list[Call] = []
        self._process: subprocess.Popen[bytes] | None = None
        with suppress(OSError):
            self._process = subprocess.Popen(
                # -P: nothing is imported from the folder in which somebody happens to stand.
                [sys.executable, "-P", "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )

    def begin(self, function: Callable[..., object], *args: Any, **options: Any) -> None:  # noqa: ANN401
        """Have a function of a module called; what it returns is dropped.

        Args:
            function: Writes a file; calling it again writes the same.
            args: What it is given, as pickle can carry it.
            options: The same by name.
        """
        call = function, args, options
        self._waiting.append(call)
        if self._process is not None:
            try:
                stdin = cast(BinaryIO, self._process.stdin)
                pickle.dump(call, stdin, protocol=pickle.HIGHEST_PROTOCOL)
                stdin.flush()
            except OSError:
                self.end()

    def finish(self) -> None:
        """Wait until every call is made; those that failed there are made here, and raise what they raise."""
        while self._waiting:
            function, args, options = self._waiting[0]
            if not self._made():
                self.end()
                function(*args, **options)
            del self._waiting[0]

    def _made(self) -> bool:
        if self._process is None:
            return False
        return cast(BinaryIO, self._process.stdout).read(1) == b"+"

    def end(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            with suppress(OSError):
                self._process.communicate()
            self._process = None

    @property
    def reusable(self) -> bool:
        """Tell whether it runs, and owes nothing."""
        return not self._waiting and self._process is not None and self._process.poll() is None


def start_ahead() -> None:
    """Start the process before the read that takes it, so that it imports while this one does."""
    with _lock:
        _idle.append(Beside())


@contextmanager
def beside() -> Iterator[Beside]:
    """Yield a process beside this one, kept from an earlier read where there is one."""
    with _lock:
        while _idle and not _idle[-1].reusable:
            _idle.pop().end()
        one = _idle.pop() if _idle else Beside()
    try:
        yield one
    finally:
        if one.reusable:
            with _lock:
                _idle.append(one)
        else:
            one.end()


@atexit.register
def _end_idle() -> None:
    with _lock:
        while _idle:
            _idle.pop().end()


def _serve() -> None:
    """Make the calls that come; end when the other process does, however it ends."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the read; it closes the pipe
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library prints is no answer
    for module in _PRELOADED:
        import_module(module)
    # From the process that started this one, over a pipe that nobody else has.
    while True:
        try:
            function, args, options = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            function(*args, **options)
            answer = b"+"
        except Exception:
            answer = b"-"
        answers.write(answer)
        answers.flush()


if __name__ == "__main__":
    _serve()
