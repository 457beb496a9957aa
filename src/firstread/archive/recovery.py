"""What the journal is for: files and rows made durable at leisure, and restored after a loss of power."""

import fcntl
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DataError

from firstread.archive.database import flush_commits
from firstread.archive.disk import on_disk
from firstread.archive.journal import Record, read_segment
from firstread.archive.part10 import Part10
from firstread.archive.store import InstanceStore
from firstread.errors import RefusedInput

Restore = Callable[[Record], None]


def settle(engine: Engine, files: InstanceStore) -> None:
    """Make files and rows durable, so that the segment of the journal that has them may go.

    Raises:
        ArchiveFull, ArchiveUnavailable: the disk or the database fails; the segment must stay.
    """
    files.flush()
    flush_commits(engine)


def replay_journals(engine: Engine, files: InstanceStore, folder: Path, restore: Restore) -> None:
    """Restore what processes that are gone had acknowledged, and remove their journals.

    Raises:
        ArchiveFull, ArchiveUnavailable: the disk or the database fails; the journals stay.
    """
    for own in sorted((folder / "journal").glob("*")):
        try:
            lock = os.open(own, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held for as long as its writer lives
                for path in sorted(own.glob("*.log")):
                    with on_disk(path):
                        _restore_segment(path, restore)
                files.flush()
                flush_commits(engine)
                shutil.rmtree(own, ignore_errors=True)
        finally:
            os.close(lock)


def is_there_as_it_came(files: InstanceStore, name: str, size: int, dataset_digest: str) -> bool:
    """Tell whether a stored file holds the data set of this sha256 (hex); after a loss of power its size can lie."""
    if not files.is_there(name, size):
        return False
    try:
        instance = Part10.parse(b"".join(files.pieces(name)))
    except (OSError, RefusedInput):
        return False
    return sha256(instance.dataset).hexdigest() == dataset_digest


def _restore_segment(path: Path, restore: Restore) -> None:
    for found in read_segment(path):
        # It was refused when it came, too.
        with suppress(RefusedInput, DataError):
            restore(found)
