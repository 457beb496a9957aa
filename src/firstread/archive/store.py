"""Where the bytes of instances are: the one interface to a folder (files.py) and to a bucket (objects.py)."""

import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path
from typing import IO, Protocol

from firstread.errors import FirstreadError

NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}/[0-9a-f]{32}\.dcm")


class InstanceStore(Protocol):
    """Files of instances by name; any number of processes may use it at once.

    What is stored is never changed, and no two files ever get the same name. Every method that takes a name raises
    `FirstreadError` where the database has one that cannot be the archive's, and `ArchiveUnavailable` where the
    store does not answer.
    """

    derived: Path
    """Folder, on this host, of what was derived of series."""

    def close(self) -> None:
        """Give up what this process has to itself; once is enough, again does nothing."""

    def spool(self, in_memory: int) -> IO[bytes]:
        """Return a nameless file for what is being received: in memory (so many bytes), beyond that on this host."""

    def write(self, name: str, pieces: Iterable[bytes | memoryview]) -> Path | None:
        """Write what will have this name; return what `place` is to be given, or None where it has the name already.

        Raises:
            ArchiveFull: there is no room.
            ArchiveUnavailable: the store fails.
        """

    def place(self, written: list[tuple[Path, str]]) -> None:
        """Give written files their names.

        Raises:
            ArchiveFull, ArchiveUnavailable: as `write`; those files may have their names or not.
        """

    def flush(self) -> None:
        """Wait until everything that was placed survives the loss of power.

        Raises:
            ArchiveFull, ArchiveUnavailable: the store fails.
        """

    def is_there(self, name: str, size: int) -> bool:
        """Tell whether a file is stored with its size (bytes); its content is for `verify`."""

    def at_hand(self, *names: str) -> AbstractContextManager[tuple[Path, ...]]:
        """Have files as whole files on this host for as long as the context lasts.

        Where a file is not stored (any more) nothing is at its path.
        """

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield a file from where it is stored, piece by piece.

        Raises:
            FileNotFoundError: it is not there.
            OSError: it cannot be read.
        """

    def names(self) -> Iterator[str]:
        """Yield the name of every stored file, whether a row names it or not."""

    def remove(self, name: str) -> None:
        """Remove a file that no row names, and what was derived of its series; what fails leaves a stray."""

    def remove_stray(self, name: str, age_s: float) -> bool:
        """Remove a file that no row names if it is older (seconds); tell whether it is gone."""

    def removed_meanwhile(self, names: Iterable[str]) -> bool:
        """Tell whether one of these was removed lately, as far as this host sees."""


def new_name(study_uid: str, series_uid: str) -> str:
    """Return a name that no other file has, in the folder of the series."""
    series = sha256(f"{study_uid}/{series_uid}".encode()).hexdigest()
    return f"{series[:2]}/{series[2:34]}/{secrets.token_hex(16)}.dcm"


def checked(name: str) -> str:
    """Return a name that is the archive's.

    Raises:
        FirstreadError: it is not; following it could lead anywhere.
    """
    if not NAME.fullmatch(name):
        raise FirstreadError(
            "The database names a file that cannot be the archive's.", remedy="Restore it from a backup."
        )
    return name
