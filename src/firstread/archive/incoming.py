"""Folders that processes have to themselves, and sweeping those of processes that are gone.

A process holds a lock on its folder for as long as it lives, so that others see that it does.
"""

import fcntl
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

from firstread.archive.disk import make_folder


class OwnFolder:
    """A folder of this process's own under `parent`; what processes that are gone left there is removed.

    Nothing in it was ever acknowledged.
    """

    def __init__(self, parent: Path) -> None:
        make_folder(parent)
        _sweep(parent)
        self.path, self._lock = own_folder(parent)

    def new_path(self) -> Path:
        """Return a path in it that nothing has."""
        return self.path / secrets.token_hex(16)

    def spool(self, in_memory: int) -> IO[bytes]:
        """Return a nameless file: in memory up to so many bytes, beyond that in the folder."""
        return SpooledTemporaryFile(max_size=in_memory, dir=str(self.path))

    def close(self) -> None:
        """Give it up; again does nothing."""
        if self._lock >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1


def own_folder(parent: Path) -> tuple[Path, int]:
    """Make a folder of this process's own, and return it with the lock that tells others that its owner lives."""
    make_folder(parent)
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
