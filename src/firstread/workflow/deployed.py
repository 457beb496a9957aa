"""Which model packages a host reads with: each that comes, changes or goes is in the audit trail, with its digest.

A package is deployed by lying in a folder of the search path; nothing is registered. So a worker looks when it starts,
and whenever a manifest there changes. That a result names a model which no worker has seen there (a reader can bring
networks of its own) is recorded with the result.
"""

import logging
import socket
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from firstread.access.audit import Event, EventCode, record
from firstread.archive import Archive
from firstread.archive.columns import now
from firstread.archive.database import writing
from firstread.archive.models import DeployedModel
from firstread.engine import ModelPackage, load_package, package_folders
from firstread.engine.packages import MANIFEST
from firstread.errors import ModelPackageError
from firstread.findings import ModelUse
from firstread.settings import Settings
from firstread.workflow.attempts import WORKER

_log = logging.getLogger(__name__)


class Deployments:
    """What lies on a worker's search path, as the audit trail was last told."""

    def __init__(self, archive: Archive, settings: Settings) -> None:
        self._archive = archive
        self._settings = settings
        self._seen: tuple[tuple[str, int], ...] | None = None

    def look(self) -> None:
        """Record what has come, changed or gone; where nothing has, nothing is read but the manifests' times.

        A damaged package is none: readers refuse it, and the log says why.

        Raises:
            ArchiveUnavailable: the database does not answer; the next look does it.
        """
        folders = package_folders(settings=self._settings)
        seen = tuple((str(folder), _changed_ns(folder / MANIFEST)) for folder in folders)
        if seen == self._seen:
            return
        found = []
        for folder in folders:
            try:
                found.append(load_package(folder))
            except ModelPackageError as problem:
                _log.warning("a model package is not used: %s", problem)
        try:
            with writing(self._archive.engine) as connection:
                note_found(connection, found, host=socket.gethostname())
        except IntegrityError:  # another worker of this host was faster
            return
        self._seen = seen


def note_found(connection: Connection, packages: Iterable[ModelPackage], *, host: str) -> None:
    """Write which packages a host has now, and an event for each that came, changed or went.

    Args:
        connection: From `writing`.
        packages: All that it has, verified.
        host: Its name.
    """
    held = {
        row.name: row
        for row in connection.execute(
            select(DeployedModel.__table__).where(DeployedModel.host == host, DeployedModel.until.is_(None))
        )
    }
    for package in packages:
        former = held.pop(package.name, None)
        if former is not None and former.digest == package.digest:
            continue
        said = {"model": package.name, "version": package.version, "digest": package.digest}
        if former is not None:
            _end(connection, former.id)
            said |= {"former version": former.version, "former digest": former.digest}
        values = {
            "host": host,
            "name": package.name,
            "version": package.version,
            "digest": package.digest,
            "since": now(),
        }
        connection.execute(insert(DeployedModel).values(values))
        _tell(connection, "model replaced" if former is not None else "model deployed", host, **said)
    for gone in held.values():
        _end(connection, gone.id)
        _tell(connection, "model removed", host, model=gone.name, version=gone.version, digest=gone.digest)


def note_used(connection: Connection, models: Iterable[ModelUse]) -> None:
    """Write an event for each model of a result that no worker has found on its search path.

    Args:
        connection: Of the transaction that writes the result.
        models: Those that the result names.
    """
    for model in models:
        known = select(DeployedModel.id).where(
            DeployedModel.digest == model.digest, DeployedModel.name == model.name
        )
        if connection.execute(known.limit(1)).first() is not None:
            continue
        host, at = socket.gethostname(), now()
        row = {"host": host, "name": model.name, "version": model.version, "digest": model.digest}
        connection.execute(insert(DeployedModel).values(**row, since=at, until=at))
        _tell(connection, "model used", host, model=model.name, version=model.version, digest=model.digest)


def _end(connection: Connection, key: int) -> None:
    connection.execute(update(DeployedModel).where(DeployedModel.id == key).values(until=now()))


def _tell(connection: Connection, what: str, host: str, **said: str) -> None:
    detail = {"what": what, "host": host, **said}
    record(connection, Event(EventCode.SOFTWARE_CONFIGURATION, "U", 0, WORKER, detail=detail))


def _changed_ns(manifest: Path) -> int:
    try:
        return manifest.stat().st_mtime_ns
    except OSError:
        return 0
