"""SIGTERM and Ctrl-C: the first asks the process to stop, the second ends it; SIGHUP: look at the certificates."""

import os
import select
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """Takes the signals of the process while it is entered; for the main thread.

    A handler runs between any two instructions of the main thread, so it takes no lock: it sets a flag, and Python
    itself writes to the socket that `wait` looks at.

    Args:
        on_hangup: Called within `wait` after SIGHUP, once for all that came meanwhile.

    Attributes:
        asked: Whether the process was asked to stop.
        on_hangup: May be set later.
    """

    def __init__(self, on_hangup: Callable[[], None] = lambda: None) -> None:
        self.asked = False
        self.on_hangup = on_hangup
        self._hung_up = False
        self._ear, self._bell = socket.socketpair()
        self._ear.setblocking(False)
        self._bell.setblocking(False)

    def wait(self, seconds: float | None) -> bool:
        """Wait until the process is asked to stop, but not longer; tell whether it was."""
        until = None if seconds is None else time.monotonic() + seconds
        while not self.asked:
            left = None if until is None else max(0.0, until - time.monotonic())
            if not select.select([self._ear], [], [], left)[0]:
                break
            if not self.asked:  # another signal rang, perhaps one that is somebody else's
                self._ear.recv(4096)
            if self._hung_up:
                self._hung_up = False
                self.on_hangup()
        return self.asked

    def __enter__(self) -> Self:
        self._former = {number: signal.signal(number, self._ask) for number in _SIGNALS}
        self._former[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._hang_up)
        self._former_bell = signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._former_bell)
        for number, former in self._former.items():
            signal.signal(number, former)
        self._ear.close()
        self._bell.close()

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        self._hung_up = True

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            # As after SIGKILL: what is under way was acknowledged to nobody.
            os._exit(128 + number)
        self.asked = True
