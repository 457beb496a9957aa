"""A folder of DICOM files into the archive."""

import os
import stat
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from firstread.archive.archive import Archive
from firstread.archive.part10 import Part10
from firstread.errors import RefusedInput, UsageError
from firstread.progress import Progress, silent

LARGEST_FILE = 2 << 30
SOURCE = "import"
WORKERS = 8  # they wait for the disk more than they compute; each holds one file in memory


@dataclass(frozen=True)
class Added:
    """What became of the files: stored, duplicate, conflict; refused, with the reasons; and no DICOM at all."""

    stored: int
    duplicates: int
    conflicts: int
    other_files: int
    refused: tuple[tuple[str, str], ...]
    studies: tuple[str, ...]


def add_folder(archive: Archive, path: Path, *, progress: Progress = silent) -> Added:
    """Store every Part-10 file under a path; the files themselves are left alone.

    Cut off, it can be run again: what was stored is recognised.

    Args:
        archive: Where to.
        path: Folder of any nesting, or one file.
        progress: Called with the stage "add".

    Raises:
        UsageError: the path does not exist.
        ArchiveFull, ArchiveUnavailable: as `Receiver.receive`; what was stored before stays.
    """
    if not path.exists():
        raise UsageError(f"{path} does not exist.", remedy="Name a folder or a DICOM file.")
    listed = list(_regular_files(path))
    outcomes: Counter[str] = Counter()
    refused: list[tuple[str, str]] = []
    studies: set[str] = set()

    def add(file: Path) -> tuple[str, str]:
        try:
            content = _content(file)
            if content is None:
                return "other", ""
            receipt = archive.receive(Part10.parse(content), source=SOURCE)
        except RefusedInput as error:
            return "refused", error.message
        return receipt.outcome, receipt.study_uid

    with ThreadPoolExecutor(WORKERS, "add") as pool:
        try:
            for n, (file, (outcome, told)) in enumerate(
                zip(listed, pool.map(add, listed), strict=True), start=1
            ):
                outcomes[outcome] += 1
                if outcome == "refused":
                    refused.append((str(file), told))
                elif told:
                    studies.add(told)
                progress("add", n / len(listed))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return Added(
        stored=outcomes["stored"],
        duplicates=outcomes["duplicate"] + outcomes["returned"],
        conflicts=outcomes["conflict"],
        other_files=outcomes["other"],
        refused=tuple(refused),
        studies=tuple(sorted(studies)),
    )


def _regular_files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for where, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            file = Path(where, name)
            # Regular files only: opening a pipe would wait for ever.
            try:
                if stat.S_ISREG(file.stat().st_mode):
                    yield file
            except OSError:
                continue


def _content(file: Path) -> bytes | None:
    """Return the bytes of a Part-10 file; None where it is none.

    Raises:
        RefusedInput: it cannot be read, or is larger than any instance.
    """
    try:
        with file.open("rb") as stream:
            start = stream.read(132)
            if start[128:] != b"DICM":
                return None
            if os.fstat(stream.fileno()).st_size > LARGEST_FILE:
                raise RefusedInput(f"It is larger than {LARGEST_FILE >> 30} GiB.")
            return start + stream.read()
    except OSError as error:
        raise RefusedInput(f"It cannot be read: {error.strerror}.") from None
