"""A scanner: dcmtk's storescu in a thread, which sends again what was not acknowledged."""

import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

SENDING, ANSWERED = "I: Sending file: ", "Received Store Response ("


class Sender:
    """Sends files, one association a batch, each batch until all of it is acknowledged.

    Args:
        program: dcmtk's storescu.
        address: Where the node listens now.
        batches: What to send, in this order.
        within: A command that storescu is started by, such as `ip netns exec NAME`.

    Attributes:
        begun: Batches of which something was sent.
        acknowledged: Files that were answered with success.
        answers: How many there were of each answer, in storescu's words.
    """

    def __init__(
        self,
        program: str,
        address: Callable[[], tuple[str, int]],
        batches: Iterable[Sequence[Path]],
        *,
        within: Sequence[str] = (),
    ) -> None:
        self._program, self._address, self._batches = program, address, batches
        self._within = list(within)
        self._finishing, self._stopped = threading.Event(), threading.Event()
        self.begun: list[Sequence[Path]] = []
        self.acknowledged: set[Path] = set()
        self.answers: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._run)

    @property
    def done(self) -> bool:
        """Whether everything is acknowledged."""
        return not self._thread.is_alive()

    def finish(self) -> None:
        """Begin no other batch, and return when those that were begun are acknowledged."""
        self._finishing.set()
        self._thread.join()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self.finish()

    def _run(self) -> None:
        for batch in self._batches:
            if self._finishing.is_set():
                return
            self.begun.append(batch)
            left = list(batch)
            while left and not self._stopped.is_set():
                left = self._send(left)

    def _send(self, files: list[Path]) -> list[Path]:
        """Send files, and return those that were not acknowledged."""
        host, port = self._address()
        command = [
            *self._within, self._program, "-v", "-xe", "-aet", "SCANNER", "-aec", "FIRSTREAD",
            "-to", "5", "-ta", "10", "-td", "60", "-ts", "60", host, str(port), *map(str, files),
        ]  # fmt: skip
        sent, acknowledged = Path(), set()
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
                    if answer == "Success":
                        acknowledged.add(sent)
                        self.acknowledged.add(sent)
        if process.returncode:
            self._stopped.wait(0.05)  # nobody listens for a moment
        return [file for file in files if file not in acknowledged]
