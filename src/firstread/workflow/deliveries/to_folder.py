"""To a folder: the files of a result in a folder of their own below that of their study."""

import fcntl
import hashlib
import os
import re
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from firstread.archive import Archive
from firstread.archive.disk import flush_folder
from firstread.network.failures import PassingFailure
from firstread.settings import Settings
from firstread.workflow.deliveries.documents import documents_for
from firstread.workflow.result_folder import REPORT_JSON, RESULT_JSON, load_result

_PART = ".part"
_FOLDER_MODE, _FILE_MODE = 0o750, 0o640  # the owner's group may fetch what is there, others may not


@dataclass(frozen=True)
class ToFolder:
    """A folder, as `STUDY_UID/READER-DIGEST/sr.dcm` …; the digest is that of `result.json`, or of `report.json`."""

    base: Path
    name: str
    settings: Settings

    @classmethod
    def of(cls, name: str, settings: Settings) -> "ToFolder":
        """Return the destination of this name."""
        return cls(Path(settings.destinations[name].place), name, settings)

    def deliver(self, archive: Archive, folder: Path, document: str) -> None:
        """Copy one file; `result.json` after all others, so that a folder that has it is complete.

        A file appears whole, flushed, under its name; one that is there with the same bytes stays as it is.

        Raises:
            PassingFailure: the folder is not there or cannot be written to, or its disk is full.
        """
        others = documents_for(self.name, self.settings, folder) if document == RESULT_JSON else ()
        try:
            target = self._target(folder)
            for each in (*(other for other in others if other != document), document):
                _copy(folder / each, target / each)
        except OSError as error:
            raise PassingFailure(f"{self.base} cannot be written to: {error.strerror}.") from None

    def test(self) -> str:
        """Write a file and remove it again, and say that it works.

        Raises:
            PassingFailure: it does not.
        """
        probe = self.base / f".firstread-{secrets.token_hex(8)}"
        try:
            probe.touch(_FILE_MODE, exist_ok=False)
            probe.unlink()
        except OSError as error:
            raise PassingFailure(f"{self.base} cannot be written to: {error.strerror}.") from None
        return f"{self.base} can be written to"

    def _target(self, folder: Path) -> Path:
        """Return the folder of a result, which is made where it is not there; the base never is: it may be a mount."""
        signed = folder / REPORT_JSON
        content = (signed if signed.is_file() else folder / RESULT_JSON).read_bytes()
        result = load_result(folder)
        reader = re.sub(r"[^\w-]", "_", result.reader.name, flags=re.ASCII)[:64]
        study = self.base / result.study_uid
        target = study / f"{reader}-{hashlib.sha256(content).hexdigest()[:12]}"
        for each in (study, target):
            try:
                each.mkdir(_FOLDER_MODE)
            except FileExistsError:
                continue
            flush_folder(each.parent)
        return target


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reading:
        if _is_same(source, target):
            return
        _remove_abandoned(target)
        part, handle = _new_part(target)
        try:
            with open(handle, "wb") as writing:
                shutil.copyfileobj(reading, writing)
                writing.flush()
                os.fsync(writing.fileno())
                os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
    flush_folder(target.parent)


def _new_part(target: Path) -> tuple[Path, int]:
    """Return an empty file beside the target, and its handle, locked so that nobody takes it for abandoned."""
    while True:
        part = target.parent / f".{target.name}.{secrets.token_hex(8)}{_PART}"
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
        with suppress(OSError):  # a file system without locks: nothing is taken for abandoned there
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:  # else another try was faster than the lock
            return part, handle
        os.close(handle)


def _remove_abandoned(target: Path) -> None:
    """Remove what tries that were cut off left; one that lives holds a lock."""
    for part in target.parent.glob(f".{target.name}.*{_PART}"):
        with suppress(OSError):
            handle = os.open(part, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                part.unlink()
            finally:
                os.close(handle)


def _is_same(source: Path, target: Path) -> bool:
    if target.is_symlink() or not target.is_file() or target.stat().st_size != source.stat().st_size:
        return False
    with source.open("rb") as one, target.open("rb") as other:
        return hashlib.file_digest(one, "sha256").digest() == hashlib.file_digest(other, "sha256").digest()
