"""Whole files of a store that is far away, kept on this host: checked when they come, the least used go first.

    FOLDER/files/ab/…/x.dcm    what is kept, by the names in the archive
    FOLDER/held/TOKEN/         what a living process has in use, and what is coming; swept when it is gone

What is in use is linked a second time, so that whatever leaves `files` meanwhile stays for those who read it.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import chain
from pathlib import Path

from firstread.archive.disk import make_folder, on_disk, write_file
from firstread.archive.incoming import OwnFolder
from firstread.errors import AlteredInstance

LOOKED_OVER_S = 3600.0
_AT_ONCE = 8
_PORTION = 500

Fetch = Callable[[str], Iterator[bytes]]
Recorded = Callable[[Sequence[str]], Mapping[str, str]]


class FileCache:
    """The files under one folder; any number of processes of a host may use it at once.

    Args:
        folder: Of the cache; made where it is not there.
        most_bytes: What is kept; it may be more for the moment, by a twentieth and by what is in use.
        fetch: Yields a file that is not kept; raises FileNotFoundError where it is not stored.
        recorded: Returns the sha256 (hex) of the files that the database has, by name.
    """

    def __init__(self, folder: Path, most_bytes: int, fetch: Fetch, recorded: Recorded) -> None:
        self._files = folder / "files"
        self._most, self._fetch, self._recorded = most_bytes, fetch, recorded
        with on_disk(folder):
            for each in (folder, self._files):
                make_folder(each)
            self._own = OwnFolder(folder / "held")
        self._pool = ThreadPoolExecutor(_AT_ONCE, "fetching")
        self._lock = threading.Lock()
        self._new_bytes = 0
        self._looked_at = -LOOKED_OVER_S

    def close(self) -> None:
        """Give up what is in use."""
        self._pool.shutdown()
        self._own.close()

    @contextmanager
    def at_hand(self, names: Sequence[str]) -> Iterator[tuple[Path, ...]]:
        """Have files for as long as the context lasts; where one is not stored nothing is at its path.

        Raises:
            ArchiveFull: there is no room for them.
            ArchiveUnavailable: the store or the database does not answer.
            AlteredInstance: one came with another content than it was stored with.
        """
        held = tuple(self._own.new_path() for _ in names)
        try:
            with on_disk(self._files):
                lacking = [
                    (name, path) for name, path in zip(names, held, strict=True) if not self._link(name, path)
                ]
                if lacking:
                    self._bring(lacking)
            yield held
        finally:
            for path in held:
                path.unlink(missing_ok=True)

    def forget(self, name: str) -> None:
        """Keep a file no longer."""
        path = self._files / name
        with suppress(OSError):
            path.unlink()
            path.parent.rmdir()  # fails, and is meant to, while the series has other files

    def look_over(self) -> None:
        """Remove what the database has no more, and the least used of what is too much."""
        found = sorted((stat.st_mtime, stat.st_size, name) for name, stat in self._walk())
        known = self._digests([name for _, _, name in found])
        size = sum(bytes_ for _, bytes_, name in found if name in known)
        for _, bytes_, name in found:
            if name not in known:
                self.forget(name)
            elif size > self._most:
                self.forget(name)
                size -= bytes_

    def _link(self, name: str, path: Path) -> bool:
        kept = self._files / name
        try:
            os.link(kept, path)
        except FileNotFoundError:
            return False
        os.utime(path)
        return True

    def _bring(self, lacking: Sequence[tuple[str, Path]]) -> None:
        digests = self._digests([name for name, _ in lacking])
        tasks = [
            self._pool.submit(self._bring_one, name, digests[name], path)
            for name, path in lacking
            if name in digests
        ]
        wait(tasks)  # none may write to what is given up
        for task in tasks:
            task.result()
        with self._lock:
            due = self._new_bytes > self._most // 20 or time.monotonic() - self._looked_at > LOOKED_OVER_S
            if due:
                self._new_bytes, self._looked_at = 0, time.monotonic()
        if due:
            self.look_over()

    def _bring_one(self, name: str, digest: str, path: Path) -> None:
        found = sha256()

        def pieces() -> Iterator[bytes]:
            for piece in chain((first,), content):
                found.update(piece)
                yield piece

        content = self._fetch(name)
        try:
            first = next(content, b"")
        except FileNotFoundError:  # removed since its row was read
            return
        write_file(path, pieces())
        if found.hexdigest() != digest:
            path.unlink()
            raise AlteredInstance(
                "A stored instance is not as it came.", remedy="`firstread verify` names it; send it again."
            )
        kept = self._files / name
        with on_disk(kept):
            for folder in (kept.parent.parent, kept.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
            with suppress(FileExistsError, FileNotFoundError):  # another was faster; the folder was removed
                os.link(path, kept)
        with self._lock:
            self._new_bytes += path.stat().st_size

    def _digests(self, names: Sequence[str]) -> dict[str, str]:
        digests = dict[str, str]()
        for at in range(0, len(names), _PORTION):
            digests |= self._recorded(names[at : at + _PORTION])
        return digests

    def _walk(self) -> Iterable[tuple[str, os.stat_result]]:
        for where, _, names in os.walk(self._files):
            for name in names:
                path = Path(where, name)
                with suppress(OSError):
                    yield path.relative_to(self._files).as_posix(), path.stat()
