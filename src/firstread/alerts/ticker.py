"""The clocks of an installation: in every worker, of which one at a time has the lease and acts.

Everything that is due stands in rows with the moment when it is, so that a restart loses no clock: what ran out while
no process was there is done by the next one at once. A process that is killed is followed within `lease.LEASE_S`.
"""

import logging
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from sqlalchemy import Engine, select

from firstread.alerts import lease, sending
from firstread.alerts.channels.base import Sender
from firstread.alerts.channels.senders import Senders
from firstread.alerts.clock import PORTION, close_acknowledged, run_due
from firstread.alerts.configuration import Configuration, load_configuration, shipped
from firstread.alerts.models import OPEN, Alert
from firstread.alerts.recipients import Accounts, Directory
from firstread.alerts.sending import Outcome
from firstread.archive.columns import now
from firstread.archive.database import reading, writing
from firstread.errors import ArchiveUnavailable, FirstreadError, UsageError
from firstread.settings import Settings

AT_ONCE = 4
"""Notifications that one channel sends at a time; a channel that hangs does not keep the others waiting."""
QUEUED = 16
"""Of one channel, with those that are being sent: what is begun with every tick."""
CLOSE_EVERY = timedelta(minutes=1)

_log = logging.getLogger(__name__)

Clock = Callable[[], datetime]


class Ticker:
    """Advances the alerts whose clocks ran out, and sends what is due, whenever `tick` is called.

    Args:
        engine: The archive's database.
        settings: Of the installation: they name the site's file, which is read anew at every tick, and the secrets.
        directory: Who has accounts; None: as the database has them.
        clock: The present moment.
        sender_named: What sends by a channel; None: as the settings say.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        *,
        directory: Directory | None = None,
        clock: Clock = now,
        sender_named: Callable[[str, Configuration], Sender] | None = None,
    ) -> None:
        self.name = secrets.token_hex(16)
        self._engine = engine
        self._settings = settings
        self._directory = directory or Accounts()
        self._clock = clock
        self._sender_named = sender_named or Senders.of(settings).named
        self._configuration = shipped()
        self._complained = ""
        self._public_url = str(settings.public_url or "").rstrip("/")
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._under_way: dict[int, str] = {}
        self._lock = threading.Lock()
        self._settling = threading.Lock()
        self._closed_at: datetime | None = None
        self._has_lease = False

    def tick(self) -> bool:
        """Do what is due; tell whether this process has the lease.

        Raises:
            ArchiveUnavailable: the database does not answer; the next tick does it.
        """
        at = self._clock()
        configuration = self.configuration()
        if not self._hold(configuration, at):
            return False
        if self._anything_due(at):
            with writing(self._engine) as connection:
                if lease.holder(connection, at) != self.name:
                    return False
                run_due(connection, configuration, self._directory, at)
        self._close(configuration, at)
        self._send(configuration, at)
        return True

    def configuration(self) -> Configuration:
        """Return what the site's file says now; a file that cannot be used changes nothing, and is complained of."""
        try:
            self._configuration = load_configuration(self._settings)
            self._complained = ""
        except UsageError as problem:
            if self._complained != problem.message:
                _log.error("alerts go on as they were configured before: %s", problem)
                self._complained = problem.message
        return self._configuration

    def wait(self) -> None:
        """Wait until nothing is being sent."""
        for pool in self._pools.values():
            pool.shutdown(wait=True)
        self._pools = {}

    def stop(self) -> None:
        """Send no more, and let another process have the lease."""
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
        try:
            with writing(self._engine) as connection:
                lease.give_up(connection, self.name, self._clock())
        except ArchiveUnavailable:
            _log.warning("the clocks of alerts stopped while the database was away")

    def _hold(self, configuration: Configuration, at: datetime) -> bool:
        with reading(self._engine) as connection:
            if not lease.needs_renewal(connection, self.name, at):
                return True
            current = lease.holder(connection, at)
        if current is not None and current != self.name:
            self._has_lease = False
            return False
        with writing(self._engine) as connection:
            if not lease.take(connection, self.name, at):
                self._has_lease = False
                return False
            if not self._has_lease:  # another had it until now, or this process lost it for a while
                left = sending.recover(
                    connection, configuration, self._repeatable(configuration), self.name, at
                )
                if left:
                    _log.warning("%d notifications that another process was sending are taken up", left)
        self._has_lease = True
        return True

    def _repeatable(self, configuration: Configuration) -> dict[str, bool]:
        found = {}
        for name in configuration.channels:
            try:
                found[name] = self._sender_named(name, configuration).repeatable
            except FirstreadError:
                found[name] = False
        return found

    def _anything_due(self, at: datetime) -> bool:
        with reading(self._engine) as connection:
            due = select(Alert.id).where(Alert.state.in_(OPEN), Alert.due_at <= at).limit(1)
            return connection.execute(due).first() is not None

    def _close(self, configuration: Configuration, at: datetime) -> None:
        if self._closed_at is not None and at - self._closed_at < CLOSE_EVERY:
            return
        with writing(self._engine) as connection:
            close_acknowledged(connection, configuration, at)
            sending.drop_unwanted(connection)
        self._closed_at = at

    def _send(self, configuration: Configuration, at: datetime) -> None:
        with self._lock:
            under_way = list(self._under_way)
        most = QUEUED + PORTION
        with reading(self._engine) as connection:
            waiting = sending.channels_due(connection, at)
            if not waiting:
                return
            resting = sending.resting(connection, at)
            due = [
                row
                for channel in waiting
                for row in sending.due(connection, at, most, under_way, channel=channel)
            ]
        for row in due:
            if row.channel in resting:
                rest = Outcome("passing", "The channel fails.", (resting[row.channel] - at).total_seconds())
                self._settle(row.id, rest, configuration, tried=False)
            elif self._has_room(row.channel):
                self._begin(row.id, row.channel, configuration)

    def _has_room(self, channel: str) -> bool:
        with self._lock:
            return sum(name == channel for name in self._under_way.values()) < QUEUED

    def _begin(self, notification: int, channel: str, configuration: Configuration) -> None:
        with self._lock:
            self._under_way[notification] = channel
        pool = self._pools.get(channel)
        if pool is None:
            pool = self._pools[channel] = ThreadPoolExecutor(AT_ONCE, f"alerts {channel}")
        pool.submit(self._attempt, notification, channel, configuration)

    def _attempt(self, notification: int, channel: str, configuration: Configuration) -> None:
        try:
            try:
                sender = self._sender_named(channel, configuration)
            except UsageError as problem:
                outcome = Outcome("passing", str(problem))
            else:
                outcome = sending.attempt(
                    self._engine,
                    sender,
                    notification,
                    process=self.name,
                    public_url=self._public_url,
                )
            self._settle(notification, outcome, configuration)
        except ArchiveUnavailable as problem:
            _log.warning("notification %d: %s", notification, problem)
        except Exception as problem:  # its text could quote the patient
            _log.error("notification %d: unexpected %s", notification, type(problem).__name__)
        finally:
            with self._lock:
                self._under_way.pop(notification, None)

    def _settle(
        self, notification: int, outcome: Outcome, configuration: Configuration, *, tried: bool = True
    ) -> None:
        with self._settling:
            sending.settle(self._engine, notification, outcome, configuration, self._clock(), tried=tried)
        if outcome.verdict not in ("sent", "unwanted") and tried:
            _log.warning("notification %d was not sent: %s", notification, outcome.error)
