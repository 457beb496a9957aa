"""A path becomes a study: every DICOM object under it, by its header."""

import os
import stat
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from firstread.dicom.archive import members
from firstread.dicom.header import uid
from firstread.dicom.parse import Damaged, looks_like_dicom, parse_instance
from firstread.dicom.quiet import quiet
from firstread.dicom.series import Instance, Series, Study
from firstread.dicom.source import LARGEST_FILE, FileSource, Source
from firstread.errors import NothingReadable, RefusedInput, UsageError
from firstread.progress import Progress, silent

MOST_FILES = 100_000
_WORKERS = 4
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"


def open_study(path: Path | str, *, study_uid: str | None = None, progress: Progress = silent) -> Study:
    """Open the study in a folder (any nesting, other files among them), a zip archive, or one file.

    Only headers are read. What belongs together is told by UIDs, never by names or places.

    Args:
        path: Folder, zip archive, or DICOM file.
        study_uid: Which study to open where there are several.
        progress: Called with the stage "open".

    Raises:
        UsageError: the path does not exist, or `study_uid` is not in it.
        NothingReadable: it holds no DICOM object that could be read.
        RefusedInput: it holds several studies and `study_uid` is None, or it is no honest archive.
    """
    return study_from(sources(Path(path)), study_uid=study_uid, progress=progress)


def study_from(
    sources: Iterable[Source], *, study_uid: str | None = None, progress: Progress = silent
) -> Study:
    """Open the study that the sources hold; see `open_study`."""
    listed = list(sources)
    progress("open", 0.0)
    instances: list[Instance] = []
    damaged = 0
    with quiet(), ThreadPoolExecutor(_WORKERS, "headers") as pool:
        try:
            for n, found in enumerate(pool.map(_read, listed), start=1):
                if isinstance(found, Instance):
                    instances.append(found)
                damaged += found is True
                if n % 32 == 0:
                    progress("open", n / len(listed))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        if not instances:
            raise NothingReadable(
                f"{damaged} DICOM file(s) found, and none has a readable header."
                if damaged
                else f"No DICOM image among {len(listed)} file(s).",
                remedy="Give a folder, zip archive or file that holds a CT series in DICOM format.",
            )
        studies = _studies(instances)
    progress("open", 1.0)
    warnings = (f"{damaged} DICOM file(s) had no readable header and were left out.",) if damaged else ()
    return _chosen(studies, study_uid, warnings)


def _read(source: Source) -> Instance | bool:
    """Return the instance; True when it is damaged, False when it is no DICOM object."""
    try:
        return parse_instance(source) or False
    except Damaged:
        return True
    except Exception:
        # A source that cannot be read, or a zip member whose checksum is wrong, says nothing of the study
        # unless it was DICOM.
        return _starts_like_dicom(source)


def _starts_like_dicom(source: Source) -> bool:
    try:
        return looks_like_dicom(source.read(132))
    except Exception:
        return False


def _studies(instances: list[Instance]) -> dict[str, tuple[Series, ...]]:
    grouped: dict[str, dict[str, list[Instance]]] = defaultdict(lambda: defaultdict(list))
    for instance in instances:
        header = instance.header
        grouped[uid(header, "StudyInstanceUID")][uid(header, "SeriesInstanceUID")].append(instance)
    studies = {}
    for study_uid, by_series in sorted(grouped.items()):
        # By UID, so that neither file names nor the order of a directory can change any result.
        series = [
            Series(series_uid, study_uid, tuple(sorted(held, key=lambda i: i.sop_instance_uid)))
            for series_uid, held in by_series.items()
        ]
        studies[study_uid] = tuple(
            sorted(series, key=lambda s: (s.number is None, s.number or 0, s.uid)),
        )
    return studies


def _chosen(
    studies: dict[str, tuple[Series, ...]], study_uid: str | None, warnings: tuple[str, ...]
) -> Study:
    named = "; ".join(
        f"{uid} ({len(series)} series, {sum(s.number_of_images for s in series)} images)"
        for uid, series in list(studies.items())[:8]
    )
    if study_uid is not None:
        if study_uid not in studies:
            raise UsageError(f"Study {study_uid} is not here.", remedy=f"Found: {named}.")
        return Study(study_uid, studies[study_uid], warnings)
    if len(studies) > 1:
        raise RefusedInput(
            f"{len(studies)} studies found, and one is read at a time: {named}.",
            remedy="Give the folder of one study, or name its Study Instance UID.",
        )
    return Study(*next(iter(studies.items())), warnings)


def sources(path: Path) -> Iterable[Source]:
    """Return every file under a path that could be an instance: of a folder, a zip archive, or the file itself.

    Raises:
        UsageError: the path does not exist, or cannot be read.
        RefusedInput: it is no honest archive, or holds too many files.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} does not exist or cannot be reached.") from error
    if stat.S_ISDIR(mode):
        return _files(path)
    if not stat.S_ISREG(mode):
        raise UsageError(f"{path} is neither a folder nor a file.")
    try:
        with open(path, "rb") as stream:
            first = stream.read(4)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    if first in (_ZIP, _EMPTY_ZIP):
        return members(path)
    return [FileSource(path)]


def _files(folder: Path) -> list[Source]:
    found: list[Source] = []
    for where, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(where, name)
            try:
                held = os.stat(path)
            except OSError:
                continue
            # Regular files only: opening a pipe would wait for ever.
            if stat.S_ISREG(held.st_mode) and 132 <= held.st_size <= LARGEST_FILE:
                found.append(FileSource(path))
        if len(found) > MOST_FILES:
            raise RefusedInput(
                f"More than {MOST_FILES} files under {folder}.", remedy="Give the folder of one study."
            )
    return found
