"""Files of instances on disk: written to a temporary name, renamed, flushed, and never changed after that.

    FOLDER/incoming/TOKEN/      what a living process is writing; swept when that process is gone
    FOLDER/journal/TOKEN/       what a living process has acknowledged in the last moments (journal.py)
    FOLDER/instances/ab/…/x.dcm what is stored: one folder a series, named by the sha256 of its UIDs
    FOLDER/metadata/ab/…        what was derived of a series; removed with any of its instances

No name that came from outside ever touches a path, and no two files ever get the same name.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from firstread.archive.disk import flush_file_system, make_folder, on_disk, write_file
from firstread.archive.incoming import OwnFolder
from firstread.archive.store import NAME, checked

_PIECE = 1 << 20


class InstanceFiles:
    """The files under one folder, as `InstanceStore`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "instances"
        self.derived = folder / "metadata"
        with on_disk(folder):
            for each in (self.folder, self.derived):
                make_folder(each)
            self._own = OwnFolder(folder / "incoming")

    def close(self) -> None:
        """See `InstanceStore`."""
        self._own.close()

    def path(self, name: str) -> Path:
        """Return the path of a stored file.

        Raises:
            FirstreadError: the name is none of this archive's.
        """
        return self.folder / checked(name)

    def spool(self, in_memory: int) -> IO[bytes]:
        """See `InstanceStore`."""
        return self._own.spool(in_memory)

    def write(self, name: str, pieces: Iterable[bytes | memoryview]) -> Path:
        """See `InstanceStore`; nobody sees the file yet."""
        path = self._own.new_path()
        write_file(path, pieces)
        return path

    def place(self, written: list[tuple[Path, str]]) -> None:
        """See `InstanceStore`; `flush` then waits until they are on the disk."""
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
        """See `InstanceStore`."""
        with on_disk(self.folder):
            flush_file_system(self.folder)

    def is_there(self, name: str, size: int) -> bool:
        """See `InstanceStore`."""
        try:
            return self.path(name).stat().st_size == size
        except OSError:
            return False

    @contextmanager
    def at_hand(self, *names: str) -> Iterator[tuple[Path, ...]]:
        """See `InstanceStore`; they are where they are stored."""
        yield tuple(map(self.path, names))

    def pieces(self, name: str) -> Iterator[bytes]:
        """See `InstanceStore`."""
        with self.path(name).open("rb") as stream:
            while piece := stream.read(_PIECE):
                yield piece

    def remove(self, name: str) -> None:
        """See `InstanceStore`; what was derived holds patients' data too."""
        path = self.path(name)
        with suppress(OSError):
            path.unlink(missing_ok=True)
        with suppress(OSError):
            (self.derived / path.parent.relative_to(self.folder)).unlink(missing_ok=True)
        with suppress(OSError):
            path.parent.rmdir()  # fails, and is meant to, while the series has other files

    def names(self) -> Iterator[str]:
        """See `InstanceStore`."""
        for where, folders, names in os.walk(self.folder):
            folders.sort()
            for name in sorted(names):
                yield Path(where, name).relative_to(self.folder).as_posix()

    def remove_stray(self, name: str, age_s: float) -> bool:
        """See `InstanceStore`."""
        path = self.folder / name
        try:
            if time.time() - path.lstat().st_mtime < age_s or not NAME.fullmatch(name):
                return False
            path.unlink()
        except OSError:
            return False
        return True

    def removed_meanwhile(self, names: Iterable[str]) -> bool:
        """See `InstanceStore`."""
        return not all(self.path(name).exists() for name in names)
