"""An archive that is open: its database, its files, and the way in."""

from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Engine

from firstread.archive.database import open_engine, upgrade
from firstread.archive.files import InstanceFiles
from firstread.archive.part10 import Part10
from firstread.archive.receive import Receipt, Receiver
from firstread.settings import Settings

DATABASE = "archive.sqlite"


@dataclass(frozen=True)
class Archive:
    """Opened by `open_archive`; close it, or use it as a context, so that nothing lingers under incoming."""

    folder: Path
    engine: Engine = field(repr=False)
    files: InstanceFiles = field(repr=False)
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


def open_archive(folder: Path, *, url: str | None = None) -> Archive:
    """Open the archive in a folder, which is made where it is not there; its tables are brought up to date.

    Args:
        folder: Where the instances are, and the SQLite database unless `url` names another.
        url: PostgreSQL or SQLite database.

    Raises:
        UsageError: the URL is none, or a newer version of firstread made the archive.
        ArchiveUnavailable: the folder or the database cannot be used.
    """
    folder = folder.absolute()
    files = InstanceFiles(folder)
    try:
        engine = open_engine(url or f"sqlite:///{folder / DATABASE}")
        try:
            upgrade(engine)
            receiver = Receiver(engine, files, folder)
        except BaseException:
            engine.dispose()
            raise
    except BaseException:
        files.close()
        raise
    return Archive(folder, engine, files, receiver)


def archive_of(settings: Settings) -> Archive:
    """Open the archive that the settings name; see `open_archive`."""
    url = settings.database_url
    return open_archive(
        settings.archive_dir or settings.data_dir / "archive", url=url.get_secret_value() if url else None
    )
