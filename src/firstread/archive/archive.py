"""An archive that is open: its database, its files, and the way in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Engine

from firstread.archive.database import open_engine, upgrade
from firstread.archive.disk import make_folder, on_disk
from firstread.archive.files import InstanceFiles
from firstread.archive.objects import Bucket, InstanceObjects
from firstread.archive.part10 import Part10
from firstread.archive.receive import Receipt, Receiver
from firstread.archive.store import InstanceStore
from firstread.errors import UsageError
from firstread.settings import Settings

DATABASE = "archive.sqlite"


@dataclass(frozen=True)
class Archive:
    """Opened by `open_archive`; close it, or use it as a context, so that nothing lingers under incoming."""

    folder: Path
    engine: Engine = field(repr=False)
    files: InstanceStore = field(repr=False)
    receiver: Receiver = field(repr=False)

    def receive(self, instance: Part10, *, source: str = "") -> Receipt:
        """Store an instance durably; see `Receiver.receive`."""
        return self.receiver.receive(instance, source=source)

    def close(self) -> None:
        """Let go of the database and of the folder under incoming."""
        self.receiver.close()
        self.files.close()
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_archive(
    folder: Path,
    *,
    url: str | None = None,
    bucket: Bucket | None = None,
    audit_key: bytes | None = None,
    second_factor_keys: Sequence[str] = (),
) -> Archive:
    """Open the archive in a folder, which is made where it is not there; its tables are brought up to date.

    Args:
        folder: Where the instances are unless `bucket` is given, and the SQLite database unless `url` names another.
        url: PostgreSQL or SQLite database.
        bucket: Where the instances are instead.
        audit_key: What seals the audit trail.
        second_factor_keys: What closes the secrets of second factors, and what closed them before.

    Raises:
        UsageError: the URL is none, the bucket's settings cannot be used, or a newer version of firstread made the
            archive.
        ArchiveUnavailable: the folder or the database cannot be used.
    """
    folder = folder.absolute()
    with on_disk(folder):
        make_folder(folder)
    engine = open_engine(url or f"sqlite:///{folder / DATABASE}")
    if audit_key:
        engine.update_execution_options(audit_key=audit_key)
    engine.update_execution_options(second_factor_keys=tuple(second_factor_keys))
    try:
        files = InstanceObjects(folder, engine, bucket) if bucket else InstanceFiles(folder)
        try:
            upgrade(engine)
            receiver = Receiver(engine, files, folder)
        except BaseException:
            files.close()
            raise
    except BaseException:
        engine.dispose()
        raise
    return Archive(folder, engine, files, receiver)


def archive_of(settings: Settings) -> Archive:
    """Open the archive that the settings name; see `open_archive`."""
    url, audit_key = settings.database_url, settings.audit_key
    present = settings.second_factor_key
    second_factor_keys = (present, *settings.second_factor_former_keys) if present else ()
    return open_archive(
        settings.archive_dir or settings.data_dir / "archive",
        url=url.get_secret_value() if url else None,
        bucket=_bucket(settings),
        audit_key=audit_key.get_secret_value().encode() if audit_key else None,
        second_factor_keys=[each.get_secret_value() for each in second_factor_keys],
    )


def _bucket(settings: Settings) -> Bucket | None:
    if settings.instances_url is None:
        return None
    if settings.archive_full_percent is not None:
        raise UsageError(
            "The settings instances_url and archive_full_percent exclude each other: a bucket is never full.",
            remedy="Unset archive_full_percent.",
        )
    secret = settings.instances_key
    options = {
        "endpoint": settings.instances_endpoint,
        "region": settings.instances_region,
        "access_key_id": settings.instances_key_id,
        "secret_access_key": secret.get_secret_value() if secret else None,
    }
    return Bucket(
        settings.instances_url,
        {name: value for name, value in options.items() if value is not None},
        cache=settings.cache_dir / "instances",
        cache_bytes=settings.instances_cache_mib << 20,
    )
