"""A worker: it watches for studies, routes them, reads, and delivers, until it is told to stop."""

import logging
import math
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Self

from firstread.alerts import load_configuration
from firstread.alerts.ticker import Ticker
from firstread.archive import Archive
from firstread.archive.columns import now
from firstread.errors import ArchiveUnavailable, UsageError
from firstread.settings import Settings
from firstread.workflow import durable, lost, queues
from firstread.workflow.deployed import Deployments
from firstread.workflow.intake import Intake
from firstread.workflow.node import Node
from firstread.workflow.reading import ReadingProcesses
from firstread.workflow.reporting.filing import file_waiting
from firstread.workflow.routes import load_routes

SWEEP_S = 1.0
ALERTS_S = 0.4  # browsers have two seconds from a result to its alert
SIGNS_A_LIFETIME = 4  # of life, in the time after which a worker is lost
FORGET_EVERY_S = 600.0
FORGET_AFTER = timedelta(days=1)
STOP_S = 5  # for what is told to stop to do so

_log = logging.getLogger(__name__)


class Worker:
    """Watches, routes, reads and delivers while it is entered; a process has one.

    Args:
        archive: Open as long as the worker is.
        settings: Those of the workflow, of the reads, and the routes.

    Raises:
        UsageError: the routes or the file of alerts cannot be used; on entering: this process has a worker already.
        ArchiveUnavailable: on entering: the database does not answer.
    """

    def __init__(self, archive: Archive, settings: Settings) -> None:
        self._node = Node(archive, settings, ReadingProcesses(settings))
        load_routes(settings)
        load_configuration(settings)
        self._intake = Intake(archive, settings)
        self._watch = lost.Watch(archive, self.name, lost_s=settings.worker_lost_s)
        self._ticker = Ticker(archive.engine, settings)
        self._deployments = Deployments(archive, settings)
        self._threads: list[threading.Thread] = []
        self._swept_at = -math.inf
        self._forgot_at = -math.inf
        self._stopped = False

    @property
    def name(self) -> str:
        """Return its name among the workers, of this run."""
        return self._node.worker

    def __enter__(self) -> Self:
        lost.sign_of_life(self._node.archive, self.name)
        try:
            durable.launch(self._node)
        except BaseException:
            lost.sign_off(self._node.archive, self.name)
            raise
        self._node.processes.prepare()
        every = self._node.settings.worker_lost_s / SIGNS_A_LIFETIME
        self._run("signs of life", lambda: self._node.stopping.wait(every), self._say_alive)
        self._run("sweep", self._wait_for_news, self._sweep)
        self._run("alerts", lambda: self._node.stopping.wait(ALERTS_S), self._ticker.tick)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(0.0)

    def ready(self) -> bool:
        """Tell whether it takes work: it has swept lately, and is not stopping."""
        lately = time.monotonic() - self._swept_at < self._node.settings.worker_lost_s
        return lately and not self._node.stopping.is_set()

    def stop(self, grace_s: float) -> None:
        """Take no more work; what runs gets so many seconds, and is then put back to wait, without a lost attempt.

        A second time does nothing.
        """
        if self._stopped:
            return
        self._stopped = True
        node = self._node
        node.stopping.set()
        node.news.set()
        ends = time.monotonic() + STOP_S
        for thread in self._threads:
            thread.join(max(ends - time.monotonic(), 0.0))  # one that waits for the database is left behind
        self._ticker.stop()
        ending = threading.Timer(grace_s, node.processes.close)
        ending.start()
        durable.stop(math.ceil(grace_s) + STOP_S)
        ending.cancel()
        node.processes.close()
        try:
            lost.sign_off(node.archive, self.name)
        except ArchiveUnavailable:
            _log.warning("the worker stopped while the database was away")

    def _run(self, name: str, wait: Callable[[], object], work: Callable[[], object]) -> None:
        def go() -> None:
            while not self._node.stopping.is_set():
                try:
                    work()
                except ArchiveUnavailable as problem:
                    _log.warning("%s: %s", name, problem)
                except Exception as problem:  # its text could quote the input; the next round may succeed
                    _log.error("%s: unexpected %s", name, type(problem).__name__)
                wait()

        thread = threading.Thread(target=go, name=f"firstread {name}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _wait_for_news(self) -> None:
        self._node.news.wait(SWEEP_S)
        self._node.news.clear()

    def _say_alive(self) -> None:
        lost.sign_of_life(self._node.archive, self.name)

    def _sweep(self) -> None:
        node = self._node
        self._deployments.look()
        try:
            self._intake.route_stable()
        except UsageError as problem:  # the routes were changed for the worse; what was read for goes on
            _log.warning("no study is routed: %s", problem)
        if filed := file_waiting(node.archive, node.settings):
            _log.info("%d signed reports filed", filed)
        queues.sweep(node.archive)
        for worker in self._watch.take_over_lost():
            _log.warning("what worker %s had begun is taken over", worker[:8])
        self._watch.abandon_stranded()
        if time.monotonic() - self._forgot_at > FORGET_EVERY_S:
            durable.forget((now() - FORGET_AFTER).isoformat())
            self._forgot_at = time.monotonic()
        self._swept_at = time.monotonic()
