"""Is everything there, and as it came? Every stored file against its digest."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import file_digest, sha256
from itertools import islice
from pathlib import Path
from typing import Literal

from sqlalchemy import select

from firstread.archive.archive import Archive
from firstread.archive.database import reading
from firstread.archive.models import Instance
from firstread.archive.store import NAME
from firstread.archive.stored import StoredFile, count_files, stored_files
from firstread.progress import Progress, silent

STRAY_AGE_S = 3600.0  # a younger one may be waiting for its commit
_WORKERS = 4
_PORTION = 500

Fault = Literal["missing", "damaged", "unreadable"]


@dataclass(frozen=True)
class FaultyFile:
    """A stored file that is not as it came."""

    sop_instance_uid: str
    name: str
    fault: Fault


@dataclass(frozen=True)
class Verification:
    """What was found: files checked and their bytes, those with a fault, and files that no row names."""

    files: int
    bytes: int
    faults: tuple[FaultyFile, ...]
    strays: tuple[str, ...]
    removed: int

    @property
    def sound(self) -> bool:
        """Whether every file that was acknowledged is there as it came; strays were never acknowledged."""
        return not self.faults


def verify(archive: Archive, *, tidy: bool = False, progress: Progress = silent) -> Verification:
    """Check every stored file against its digest, and look for files that no row names.

    Args:
        archive: May be in use meanwhile.
        tidy: Remove strays that are older than an hour: a process was killed before it acknowledged them.
        progress: Called with the stage "verify".

    Raises:
        ArchiveUnavailable: the database does not answer.
    """
    total = max(count_files(archive.engine), 1)
    faults: list[FaultyFile] = []
    files = size = 0
    with ThreadPoolExecutor(_WORKERS, "verify") as pool:
        portion: list[StoredFile] = []

        def check() -> None:
            for stored, fault in zip(
                portion, pool.map(lambda each: _fault(archive, each), portion), strict=True
            ):
                if fault is not None:
                    faults.append(FaultyFile(stored.sop_instance_uid, stored.name, fault))
            portion.clear()
            progress("verify", min(files / total, 1.0))

        for stored in stored_files(archive.engine):
            portion.append(stored)
            files, size = files + 1, size + stored.size
            if len(portion) == 64:
                check()
        check()
    # Retention may have removed some since their rows were read.
    gone = set(without_row(archive, [each.name for each in faults]))
    faults = [each for each in faults if each.name not in gone]
    strays = tuple(without_row(archive, archive.files.names()))
    removed = sum(archive.files.remove_stray(name, STRAY_AGE_S) for name in strays) if tidy else 0
    progress("verify", 1.0)
    return Verification(files, size, tuple(faults), strays, removed)


def digest_of(path: Path) -> str:
    """Return the sha256 (hex) of a file."""
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def _fault(archive: Archive, stored: StoredFile) -> Fault | None:
    if not NAME.fullmatch(stored.name):
        return "missing"
    size, digest = 0, sha256()
    try:
        for piece in archive.files.pieces(stored.name):
            size += len(piece)
            digest.update(piece)
    except FileNotFoundError:
        return "missing"
    except OSError:
        return "unreadable"
    return None if (size, digest.hexdigest()) == (stored.size, stored.digest) else "damaged"


def without_row(archive: Archive, names: Iterable[str]) -> Iterator[str]:
    """Yield the names of files that no row has."""
    left = iter(names)
    while portion := list(islice(left, _PORTION)):
        with reading(archive.engine) as connection:
            found = connection.execute(select(Instance.file).where(Instance.file.in_(portion))).scalars()
            known = set(found)
        yield from (name for name in portion if name not in known)
