"""One process of an installation: the archive, and what its roles run over it."""

import logging
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, cast

from sqlalchemy import text

from firstread import __version__
from firstread.access.audit import Event, EventCode, record_now
from firstread.access.audit.search import head
from firstread.access.this_user import this_user
from firstread.archive import Archive, archive_of
from firstread.archive.database import reading, writing
from firstread.errors import ArchiveUnavailable, FirstreadError
from firstread.service.parts import DicomPart, Part
from firstread.service.roles import Role
from firstread.settings import Settings

_log = logging.getLogger("firstread.service")
_MIB = 1 << 20
RENEW_S = 2.0  # between two looks at the certificates
_MARGIN_S = 5.0  # for what ends by itself after its grace


class Service:
    """Runs the roles from its making to `stop`.

    Args:
        settings: Of the installation.
        roles: What this process does; not `all`.
        is_stopping: Tells whether the process was asked to stop; from then on it is not ready.

    Raises:
        UsageError: a setting cannot be used, or a port is taken.
        ArchiveUnavailable: the archive is away.
    """

    def __init__(
        self,
        settings: Settings,
        roles: frozenset[Role],
        *,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        if Role.API in roles:
            from firstread.web.listen import check_address

            check_address(settings)
        self._settings = settings
        self._roles = roles
        self._is_stopping = is_stopping
        self._archive = archive_of(settings)
        self.parts: list[Part] = []
        self._ended = threading.Event()
        self._renewing = threading.Lock()
        try:
            self._close_secrets()
            if Role.SCP in roles:
                self.parts.append(DicomPart(self._archive, settings))
            if Role.WORKER in roles:
                from firstread.service.worker_part import WorkerPart

                self.parts.append(WorkerPart(self._archive, settings))
            if settings.audit_syslog is not None:
                from firstread.service.audit_part import AuditPart

                self.parts.append(AuditPart(self._archive, settings))
            if Role.API in roles or settings.health_port is not None:
                self.parts.append(self._web(with_api=Role.API in roles))
            self._record(EventCode.APPLICATION_START)
            threading.Thread(target=self._renew, name="certificates", daemon=True).start()
        except BaseException:
            self.stop(0.0)
            raise

    def facts(self) -> dict[str, Any]:
        """Return what programs want to know: where each part listens."""
        return {key: value for part in self.parts for key, value in part.facts().items()}

    def first_link(self) -> tuple[str, Path] | None:
        """Return a link that makes the first administrator, and its file, which its owner alone reads.

        None where there is an account already, or this process serves no pages.
        """
        from firstread.access.accounts.account import any_account
        from firstread.access.accounts.links import first_link, link_url, write_link

        served = self.facts().get("api")
        if served is None:
            return None
        with reading(self._archive.engine) as connection:
            if any_account(connection):
                return None
        with writing(self._archive.engine) as connection:
            secret = first_link(connection)
        if secret is None:
            return None
        url = link_url(self._settings, secret, port=served["port"], scheme=served["scheme"])
        return url, write_link(self._archive.folder, url)

    def alive(self) -> bool:
        """Tell whether every part answers."""
        return all(part.alive() for part in self.parts)

    def renew(self) -> None:
        """Take certificates that have changed, at once."""
        with self._renewing:
            for part in list(self.parts):
                if isinstance(part, DicomPart) or part.name == "api":
                    cast(Any, part).renew()

    def _renew(self) -> None:
        """Take certificates that change, within seconds."""
        while not self._ended.wait(RENEW_S):
            self.renew()

    def _close_secrets(self) -> None:
        """Close the secrets of second factors with the present key where they are not yet."""
        from firstread.access.accounts.totp_secret import close_all

        if closed := close_all(self._archive.engine):
            _log.info("%d secrets of second factors were closed with the present key", closed)

    def stop(self, grace_s: float) -> bool:
        """Stop every part at once, each with the seconds for what is under way, and close the archive.

        A part that does not end in time is left behind: what it has not acknowledged is sent or done again. Tell
        whether there is none.
        """
        self._ended.set()
        stopping = {
            part.name: threading.Thread(target=part.stop, args=(grace_s,), daemon=True) for part in self.parts
        }
        for thread in stopping.values():
            thread.start()
        until = monotonic() + grace_s + _MARGIN_S
        for name, thread in stopping.items():
            thread.join(max(0.0, until - monotonic()))
            if thread.is_alive():
                _log.warning("%s did not stop in time, and is left behind", name)
        ended = not any(thread.is_alive() for thread in stopping.values())
        with suppress(FirstreadError):
            self._record(EventCode.APPLICATION_STOP)
        if ended:
            self._archive.close()
        return ended

    def _record(self, code: EventCode) -> None:
        """Record that this process starts or stops, and log where the trail then ends: an anchor elsewhere."""
        roles = ", ".join(sorted(self._roles))
        event = Event(code, "E", 0, this_user(), detail={"roles": roles, "version": __version__})
        record_now(self._archive.engine, event, durable=True)
        with reading(self._archive.engine) as connection:
            end = head(connection)
        if end is not None:
            _log.info("audit trail: %d events, head %s", end.number, end.chain)

    def _web(self, *, with_api: bool) -> Part:
        from firstread.service.web_part import web_part
        from firstread.web.health import Health

        settings = self._settings
        checks = {
            "stopping": lambda: "asked to stop" if self._is_stopping() else None,
            "database": lambda: _database(self._archive),
            "disk": lambda: _disk(self._archive, settings.archive_reserve_mib * _MIB),
        }
        health = Health(checks | {part.name: part.wrong for part in self.parts})
        # Pages tell where to send: where the node listens in truth, also where it chose a free port.
        listening = [part.facts()["port"] for part in self.parts if isinstance(part, DicomPart)]
        told = settings.model_copy(update={"dicom_port": listening[0]}) if listening else settings
        return web_part(self._archive, told, health, with_api=with_api)


def _database(archive: Archive) -> str | None:
    try:
        with reading(archive.engine) as connection:
            connection.execute(text("SELECT 1"))
    except ArchiveUnavailable:
        return "does not answer"
    return None


def _disk(archive: Archive, reserve_bytes: int) -> str | None:
    free = shutil.disk_usage(archive.folder).free
    return None if free >= reserve_bytes else "less free than archive_reserve_mib"
