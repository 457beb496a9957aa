"""Writing to a disk: failures that have a name, flushing, folders for their owner alone."""

import ctypes
import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from firstread.errors import ArchiveFull, ArchiveUnavailable

# Linux; it tells of failures, which sync does not. Python has no name for it.
_SYNCFS = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def on_disk(place: Path) -> Iterator[None]:
    """Give a failure of the disk its name."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise ArchiveFull(
                f"The disk of {place} is full.", remedy="Make room; nothing half-written was kept."
            ) from error
        raise ArchiveUnavailable(
            f"{place} cannot be used: {error.strerror}.",
            remedy="Correct the setting archive_dir, or that disk.",
        ) from error


def flush_file_system(folder: Path) -> None:
    """Wait until everything that was written to the file system of a folder is on the disk; one flush for all."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _SYNCFS is None:
            os.sync()
        elif _SYNCFS(handle) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    finally:
        os.close(handle)


def flush_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a folder for its owner alone: it holds patients' data."""
    if folder.is_dir():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    flush_folder(folder.parent)


def write_file(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """Write a file that is not there yet, for its owner alone; where that fails nothing of it stays.

    Raises:
        ArchiveFull: there is no room.
        ArchiveUnavailable: the disk fails.
    """
    try:
        with on_disk(path):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                for piece in pieces:
                    _write_all(handle, memoryview(piece))
            finally:
                os.close(handle)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _write_all(handle: int, piece: memoryview) -> None:
    done = 0
    while done < len(piece):
        done += os.write(handle, piece[done:])
