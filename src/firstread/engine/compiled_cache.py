"""Compiled networks kept on disk, so that the next process need not compile them again."""

import contextlib
import hashlib
import logging
import os
import stat
import tempfile
import time
from pathlib import Path

_log = logging.getLogger(__name__)

_MAGIC = b"firstread compiled network 1\n"
_DIGEST_BYTES = 32
_UNUSED_S = 30 * 24 * 3600.0  # what no process asked for in a month belongs to a version that is gone


class CompiledCache:
    """A folder of compiled networks, each with a digest of its own.

    It can only save time: a folder that cannot be written, or an entry that is damaged, is passed over.
    Processes may share it, because an entry appears whole, under its final name, or not at all.

    Args:
        folder: Made with mode 0700. One that others may write to is not used: an entry is machine code to be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def problem(self) -> str | None:
        """Prepare the folder; return why it cannot be used, or None when it can."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = self.folder.stat()
            if status.st_uid != os.geteuid():
                return f"{self.folder} belongs to another user"
            if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                return f"others may write to {self.folder}"
            with tempfile.TemporaryFile(dir=self.folder):
                return None
        except OSError as error:
            return f"{self.folder} cannot be written: {error.strerror}"

    def load(self, key: str) -> bytes | None:
        """Return what was stored under a key, or None when there is nothing whole."""
        path = self._path(key)
        try:
            with path.open("rb") as stream:
                status = os.fstat(stream.fileno())
                if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                    return None
                content = stream.read()
        except OSError:
            return None
        head = len(_MAGIC) + _DIGEST_BYTES
        payload = content[head:]
        if content[:head] != _MAGIC + hashlib.sha256(payload).digest():
            _log.warning("%s is damaged; the network is compiled again.", path)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return payload

    def store(self, key: str, payload: bytes) -> None:
        """Keep something under a key; what is not possible is not done."""
        reason = self.problem()
        if reason is not None:
            _log.info("Compiled networks are not kept: %s.", reason)
            return
        try:
            handle, name = tempfile.mkstemp(dir=self.folder, prefix=".", suffix=".part")
            try:
                with open(handle, "wb") as stream:
                    stream.write(_MAGIC + hashlib.sha256(payload).digest() + payload)
                os.replace(name, self._path(key))
            except BaseException:
                os.unlink(name)
                raise
            self._forget()
        except OSError as error:
            _log.info("A compiled network was not kept: %s.", error)

    def _forget(self) -> None:
        """Remove what has not been used for a month, left-over parts of writers that died included."""
        oldest = time.time() - _UNUSED_S
        for path in [*self.folder.glob("*.blob"), *self.folder.glob(".*.part")]:
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()

    def _path(self, key: str) -> Path:
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()}.blob"
