"""A scanner: dcmtk's storescu in a thread, which sends again what was not acknowledged."""

import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

SENDING, ANSWERED = "I: Sending file: ", "Received Store Response ("
AT_ONCE = 20  # files an association


class Sender:
    """Sends files until all are acknowledged, and then over again until it is stopped.

    Args:
        program: dcmtk's storescu.
        address: Where the node listens now.
        files: What to send, in this order.
        again: Send everything again when all are acknowledged.
        within: A command that storescu is started by, such as `ip netns exec NAME`.

    Attributes:
        acknowledged: Files that were answered with success.
        answers: How many there were of each answer, in storescu's words.
    """

    def __init__(
        self,
        program: str,
        address: Callable[[], tuple[str, int]],
        files: Sequence[Path],
        *,
        again: bool = True,
        within: Sequence[str] = (),
    ) -> None:
        self._program, self._address, self._files = program, address, list(files)
        self._again, self._within = again, list(within)
        self._stopped = threading.Event()
        self.acknowledged: set[Path] = set()
        self.answers: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._run)

    @property
    def done(self) -> bool:
        """Whether every file is acknowledged."""
        return len(self.acknowledged) == len(self._files)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            left = [file for file in self._files if file not in self.acknowledged]
            if not left and not self._again:
                return
            if not left:
                left = self._files
            for start in range(0, len(left), AT_ONCE):
                if self._stopped.is_set() or not self._send(left[start : start + AT_ONCE]):
                    break

    def _send(self, files: list[Path]) -> bool:
        host, port = self._address()
        command = [
            *self._within, self._program, "-v", "-xe", "-aet", "SCANNER", "-aec", "FIRSTREAD",
            "-to", "5", "-ta", "10", "-td", "60", "-ts", "60", host, str(port), *map(str, files),
        ]  # fmt: skip
        sent = None
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process:
            assert process.stdout
            for line in process.stdout:
                if line.startswith(SENDING):
                    sent = Path(line.removeprefix(SENDING).strip())
                elif ANSWERED in line and line.endswith("\n"):
                    answer = line.partition(ANSWERED)[2].rstrip(")\n")
                    self.answers[answer] += 1
                    if answer == "Success" and sent is not None:
                        self.acknowledged.add(sent)
        if process.returncode:
            self._stopped.wait(0.05)  # nobody listens for a moment
        return process.returncode == 0
