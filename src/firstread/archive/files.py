"""Files of instances on disk: written to a temporary name, renamed, flushed, and never changed after that.

    FOLDER/incoming/TOKEN/      what a living process is writing; swept when that process is gone
    FOLDER/journal/TOKEN/       what a living process has acknowledged in the last moments (journal.py)
    FOLDER/instances/ab/…/x.dcm what is stored: one folder a series, named by the sha256 of its UIDs
    FOLDER/metadata/ab/…        what was derived of a series; removed with any of its instances

No name that came from outside ever touches a path, and no two files ever get the same name.
"""

import ctypes
import errno
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

from firstread.archive.part10 import Part10
from firstread.errors import ArchiveFull, ArchiveUnavailable, FirstreadError

NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}/[0-9a-f]{32}\.dcm")
# Linux; it tells of failures, which sync does not. Python has no name for it.
_SYNCFS = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class InstanceFiles:
    """The files under one folder; any number of processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "instances"
        self.derived = folder / "metadata"
        self._incoming = folder / "incoming"
        with on_disk(folder):
            for each in (folder, self.folder, self.derived, self._incoming):
                _make(each)
            _sweep(self._incoming)
            self._own, self._lock = own_folder(self._incoming)

    def close(self) -> None:
        """Give up this process's folder under incoming."""
        if self._lock >= 0:
            shutil.rmtree(self._own, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1

    def path(self, name: str) -> Path:
        """Return the path of a stored file by the name that the database has.

        Raises:
            FirstreadError: the name is none of this archive's; following it could lead anywhere.
        """
        if not NAME.fullmatch(name):
            raise FirstreadError(
                "The database names a file that cannot be the archive's.", remedy="Restore it from a backup."
            )
        return self.folder / name

    def spool(self, in_memory: int) -> IO[bytes]:
        """Return a nameless file for what is being received: in memory (so many bytes), beyond that among incoming."""
        return SpooledTemporaryFile(max_size=in_memory, dir=str(self._own))

    def is_there(self, name: str, size: int) -> bool:
        """Tell whether a stored file is there with its size (bytes); its content is for `verify`."""
        try:
            return self.path(name).stat().st_size == size
        except OSError:
            return False

    def write(self, pieces: Iterable[bytes | memoryview]) -> Path:
        """Write a file that nobody sees yet.

        Raises:
            ArchiveFull: there is no room.
            ArchiveUnavailable: the disk fails.
        """
        path = self._own / secrets.token_hex(16)
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
        return path

    def place(self, written: list[tuple[Path, str]]) -> None:
        """Give written files their names; `flush` then waits until they are on the disk.

        Raises:
            ArchiveFull, ArchiveUnavailable: as `write`; those files may have their names or not.
        """
        with on_disk(self.folder):
            for path, name in written:
                target = self.path(name)
                try:
                    os.rename(path, target)
                except FileNotFoundError:  # the first of its series, or the series was removed since
                    for folder in (target.parent.parent, target.parent):
                        folder.mkdir(mode=0o700, exist_ok=True)
                    os.rename(path, target)

    def flush(self) -> None:
        """Wait until every file and name is on the disk.

        Raises:
            ArchiveFull, ArchiveUnavailable: the disk fails.
        """
        with on_disk(self.folder):
            flush_file_system(self.folder)

    def remove(self, name: str) -> None:
        """Remove a file that no row names, and what was derived of its series: it holds patients' data too."""
        path = self.path(name)
        with suppress(OSError):
            path.unlink(missing_ok=True)
        with suppress(OSError):
            (self.derived / path.parent.relative_to(self.folder)).unlink(missing_ok=True)
        with suppress(OSError):
            path.parent.rmdir()  # fails, and is meant to, while the series has other files

    def names(self) -> Iterator[str]:
        """Yield the name of every stored file, whether a row names it or not."""
        for where, folders, names in os.walk(self.folder):
            folders.sort()
            for name in sorted(names):
                yield Path(where, name).relative_to(self.folder).as_posix()


def new_name(study_uid: str, series_uid: str) -> str:
    """Return a name that no other file has, in the folder of the series."""
    series = sha256(f"{study_uid}/{series_uid}".encode()).hexdigest()
    return f"{series[:2]}/{series[2:34]}/{secrets.token_hex(16)}.dcm"


def write_instance(files: InstanceFiles, instance: Part10) -> Path:
    """Write the two pieces of an instance as one file; see `InstanceFiles.write`."""
    return files.write((instance.header, instance.dataset))


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


def _make(folder: Path) -> None:
    """Make a folder for its owner alone: it holds patients' data."""
    if folder.is_dir():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    flush_folder(folder.parent)


def _write_all(handle: int, piece: memoryview) -> None:
    done = 0
    while done < len(piece):
        done += os.write(handle, piece[done:])


def own_folder(parent: Path) -> tuple[Path, int]:
    """Make a folder of this process's own, and return it with the lock that tells others that its owner lives."""
    _make(parent)
    while True:
        own = parent / secrets.token_hex(8)
        own.mkdir(mode=0o700)
        with suppress(FileNotFoundError, BlockingIOError):  # another's sweep came between
            lock = os.open(own, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if own.is_dir():
                return own, lock
            os.close(lock)


def _sweep(incoming: Path) -> None:
    """Remove what processes that are gone were writing; nothing of it was ever acknowledged."""
    for folder in incoming.iterdir():
        with suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held for as long as its writer lives
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
