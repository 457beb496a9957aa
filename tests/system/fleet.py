"""Processes of firstread that are started, killed and started again."""

import json
import math
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
NURSERY = Path(__file__).with_name("nursery.py")
IMPORTED = ("firstread.service.service", "firstread.service.worker_part", "firstread.logs")
DEADLINE_S = 60.0


class Nursery:
    """Forks commands of firstread; ends what it forked when it is closed.

    Args:
        folder: For the logs of the commands.
        environment: Settings that all of them have.
        within: A command that the nursery itself is started by, such as `ip netns exec NAME`.
        sites: Folders of installed packages that the commands find too.
    """

    def __init__(
        self,
        folder: Path,
        environment: dict[str, str],
        *,
        within: Sequence[str] = (),
        sites: Sequence[Path] = (),
    ) -> None:
        self._folder, self._environment = folder, environment
        self._lock = threading.Lock()
        self.servers: list[Server] = []
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT), *map(str, sites)])
        self._process = subprocess.Popen(
            [*within, sys.executable, str(NURSERY), *IMPORTED],
            env={**os.environ, "PYTHONPATH": path}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout and self._process.stdout.readline() == "ready\n"

    def fork(self, name: str, arguments: Sequence[str], environment: dict[str, str]) -> int:
        """Start a command and return its process id."""
        request = {
            "arguments": list(arguments),
            "environment": {**self._environment, **environment},
            "log": str(self.log(name)),
        }
        with self._lock:
            assert self._process.stdin and self._process.stdout
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())

    def seen(self, path: Path) -> Path:
        """Return a path as the commands see it, where they have mounts of their own."""
        return Path(f"/proc/{self._process.pid}/root{path}")

    def log(self, name: str) -> Path:
        """Return where a command writes what it says."""
        return self._folder / f"{name}.log"

    def server(self, name: str, *arguments: str, **environment: str) -> "Server":
        """Start a command that runs until it is ended."""
        made = Server(self, name, arguments, environment)
        self.servers.append(made)
        made.start()
        return made

    def close(self) -> None:
        """Kill everything."""
        for server in self.servers:
            server.kill()
        self._process.kill()
        self._process.communicate()


@dataclass
class Server:
    """A command of firstread, started as often as it is killed.

    Attributes:
        kills: How often it was killed while it ran.
    """

    nursery: Nursery = field(repr=False)
    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    kills: int = 0
    pid: int = 0
    _handle: int = -1

    def start(self) -> None:
        """Start it."""
        self.pid = self.nursery.fork(self.name, self.arguments, self.environment)
        with suppress(ProcessLookupError):  # it has ended already
            self._handle = os.pidfd_open(self.pid)

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._handle >= 0 and not select.select([self._handle], [], [], 0)[0]

    @property
    def log(self) -> str:
        """What it has said since its first start."""
        path = self.nursery.log(self.name)
        return path.read_text(errors="replace") if path.exists() else ""

    def send(self, number: int) -> None:
        """Send it a signal."""
        if self._handle >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        """End it with SIGKILL, and return when it is gone."""
        self.kills += self.runs
        self.end(signal.SIGKILL)

    def end(self, number: int = signal.SIGTERM, seconds: float = 30.0) -> None:
        """Send it a signal and return when it is gone."""
        self.send(number)
        if self._handle >= 0:
            assert select.select([self._handle], [], [], seconds)[0], f"{self.name} does not end"
            os.close(self._handle)
            self._handle = -1


@contextmanager
def nursery(
    folder: Path,
    environment: dict[str, str],
    *,
    within: Sequence[str] = (),
    sites: Sequence[Path] = (),
) -> Iterator[Nursery]:
    """Yield a nursery; nothing that it forked outlives the block."""
    made = Nursery(folder, environment, within=within, sites=sites)
    try:
        yield made
    finally:
        made.close()


def settings_of(archive: Path, database_url: str | None) -> dict[str, str]:
    """Return the settings of nodes that anyone may send to, as the environment has them."""
    settings = {"FIRSTREAD_ARCHIVE_DIR": str(archive), "FIRSTREAD_DICOM_CALLERS": "any"}
    return settings | ({"FIRSTREAD_DATABASE_URL": database_url} if database_url else {})


def kill_at_random(
    servers: Sequence[Server],
    kills: int,
    *,
    seed: int,
    progress: Callable[[], int],
    most_s: float = 0.25,
    until: float = math.inf,
) -> None:
    """Kill servers at random moments, each started again at once, so many times.

    Most are killed while work is done: a random moment after `progress` has grown. One in five is killed a random
    moment after the last kill, whatever it is doing then.

    Args:
        servers: One of them is chosen each time; one that is named twice is chosen twice as often.
        kills: Of all of them together.
        seed: Of the choices and the moments.
        progress: A number that grows while work is done.
        most_s: Longest moment.
        until: End there, by the monotonic clock, whatever the kills were.
    """
    chance, nothing = Random(seed), threading.Event()
    for _ in range(kills):
        if time.monotonic() > until:
            return
        if chance.random() < 0.8:
            before = progress()
            wait_for(lambda before=before: progress() > before, DEADLINE_S)
        nothing.wait(chance.uniform(0, most_s))
        server = chance.choice(servers)
        assert server.runs, f"{server.name} ended by itself: {server.log[-2000:]}"
        server.kill()
        server.start()
