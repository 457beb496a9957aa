"""The result folder: written whole or not at all, and read back with suspicion."""

import errno
import fcntl
import json
import math
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydicom import dcmread

from firstread.dicom.quiet import quiet
from firstread.dicom.seg_masks import with_structure_masks
from firstread.errors import DiskFull, FirstreadError, UsageError
from firstread.findings import Predecessor, ReadResult

RESULT_JSON = "result.json"
REPORT_JSON = "report.json"
"""Of a signed report: what was signed; beside the software's own result.json."""
SR = "sr.dcm"
SEG = "seg.dcm"
FILE_NAME = re.compile(
    r"result\.json|report\.(html|pdf|dcm|json|fhir\.json)|sr\.dcm|seg\.dcm|key-[\w.-]+\.(dcm|png)"
)
LARGEST_RESULT_BYTES = 64 * 2**20  # a read of 100 findings takes 0.3 MB
UID = re.compile(r"[0-9]+(\.[0-9]+)*")  # PS3.5 section 9.1, without its rule on leading zeros
UID_LENGTH = 64


def check_destination(out: Path, *, replace: bool = False) -> None:
    """Make sure that a result could be written to `out`, before time is spent on reading.

    Args:
        out: The folder to be; it may not exist yet, or be empty.
        replace: Allow it to be a complete result, which the new one will take the place of.

    Raises:
        UsageError: it holds a result already, or anything that is not firstread's, or cannot be written.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise UsageError(f"{out} is not a folder.", remedy="Choose another with --out.")
    if out.is_dir():
        _check_contents(out, replace=replace)
    parent = out.absolute().parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise UsageError(f"{parent} cannot be written to.", remedy="Choose another folder with --out.")


def _check_contents(out: Path, *, replace: bool) -> None:
    try:
        names = [entry.name for entry in out.iterdir()]
    except OSError as problem:
        raise UsageError(
            f"{out} cannot be opened: {problem.strerror}.", remedy="Choose another."
        ) from problem
    if any(not FILE_NAME.fullmatch(name) for name in names):
        raise UsageError(
            f"{out} holds other files than a result of firstread; they are left alone.",
            remedy="Choose another folder with --out.",
        )
    if names and not replace:
        raise UsageError(
            f"{out} holds a result already.",
            remedy="Choose another folder with --out, or replace it with --force.",
        )


@contextmanager
def new_result_folder(out: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield an empty private folder that becomes `out` when the block ends well, and vanishes when not.

    The folder stands beside `out` (mode 0700: it holds a patient's data) and takes its name in one step,
    with everything in it on the disk. One that a killed process left behind is removed by the next.

    Raises:
        UsageError: as `check_destination`.
        DiskFull: there is no room.
        FirstreadError: the disk fails.
    """
    check_destination(out, replace=replace)
    out = out.absolute()
    folder = out.parent / f".{out.name}.partial-{secrets.token_hex(4)}"
    lock = -1
    try:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(out)
            folder.mkdir(mode=0o700)
            lock = os.open(folder, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield folder
            _flush(folder)
            _put_in_place(folder, out, replace=replace)
        except OSError as problem:
            kind = DiskFull if problem.errno in (errno.ENOSPC, errno.EDQUOT) else FirstreadError
            raise kind(
                f"The result could not be written to {out}: {problem.strerror or problem}.",
                remedy="Nothing was left there. Check the space on that disk, or choose another with --out.",
            ) from problem
    finally:
        if lock >= 0:
            os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(out: Path) -> None:
    for folder in out.parent.glob(f".{_literal(out.name)}.partial-*"):
        with suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held for as long as its writer lives
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _literal(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def _flush(folder: Path) -> None:
    for path in [*folder.iterdir(), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _put_in_place(folder: Path, out: Path, *, replace: bool) -> None:
    check_destination(out, replace=replace)  # again: someone else may have been faster
    if not (replace and out.is_dir()):
        os.rename(folder, out)  # fails where `out` is a folder with files in it
        return
    former = out.parent / f".{out.name}.former-{secrets.token_hex(4)}"
    os.rename(out, former)
    try:
        os.rename(folder, out)
    except OSError:
        os.rename(former, out)
        raise
    shutil.rmtree(former, ignore_errors=True)


def write_result_json(folder: Path, result: ReadResult) -> None:
    """Write `result.json`, the last file of a result: a folder that has it has the others too."""
    (folder / RESULT_JSON).write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")


def is_complete(folder: Path) -> bool:
    """Tell whether a folder holds a result; one that is not complete never gets its name."""
    return (folder / RESULT_JSON).is_file()


def load_prior(path: Path) -> ReadResult:
    """Read back an earlier result to compare with, with the lungs of its segmentation where they lie beside it.

    Raises:
        UsageError: as `load_result`.
        FirstreadError: there is a segmentation, and it is not that of the result.
    """
    result = load_result(path)
    seg = (path if path.is_dir() else path.parent) / SEG
    return with_structure_masks(result, seg) if seg.is_file() else result


def load_predecessor(folder: Path) -> Predecessor:
    """Return what names the report of a result that another one takes the place of.

    Raises:
        FirstreadError: the folder has no report that could be named.
    """
    try:
        with quiet():
            header = dcmread(folder / SR, stop_before_pixels=True)
        return Predecessor(
            study_uid=str(header.StudyInstanceUID),
            series_uid=str(header.SeriesInstanceUID),
            sop_instance_uid=str(header.SOPInstanceUID),
        )
    except Exception as problem:  # whatever a damaged file provokes in a parser
        raise FirstreadError(
            f"{folder / SR} cannot be used: {type(problem).__name__}.",
            remedy="Restore the result folder from a backup.",
        ) from problem


def load_result(path: Path) -> ReadResult:
    """Read back what `firstread read` wrote: a result folder, or its `result.json`. Masks are not in it.

    Raises:
        UsageError: there is no result, or it is not one that this version can read; the message says why.
    """
    source = path / RESULT_JSON if path.is_dir() else path
    remedy = "Name the result folder of an earlier `firstread read`, or its result.json."
    if not source.is_file():
        raise UsageError(f"{source} is not there, or is not a file.", remedy=remedy)
    try:
        with source.open("rb") as file:
            content = file.read(LARGEST_RESULT_BYTES + 1)
        if len(content) > LARGEST_RESULT_BYTES:
            raise UsageError(f"{source} is larger than any result.", remedy=remedy)
        # Strict: JSON says numbers as numbers. Not strict, the string "nan" would pass for a diameter.
        result = ReadResult.model_validate_json(content, strict=True)
        _check_values(json.loads(content), "")
    except OSError as problem:
        raise UsageError(f"{source} cannot be read: {problem.strerror}.", remedy=remedy) from problem
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UsageError(
            f"{source} is not a result that this version of firstread reads: {place}: {first['msg']}.",
            remedy=remedy,
        ) from None
    except (ValueError, RecursionError) as problem:
        raise UsageError(f"{source} is not a result of firstread: {problem}.", remedy=remedy) from None
    return result


def _check_values(value: Any, name: str) -> None:  # noqa: ANN401 - JSON
    """Refuse what the types alone let pass and what would reach new DICOM objects: NaN, false UIDs."""
    if isinstance(value, dict):
        for key, item in value.items():
            _check_values(item, key)
    elif isinstance(value, list):
        for item in value:
            _check_values(item, name)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} is not a finite number")
    elif isinstance(value, str) and (name.endswith("_uid") or name == "resolved") and not _is_uid(value):
        raise ValueError(f"{name} is not a UID")


def _is_uid(value: str) -> bool:
    return len(value) <= UID_LENGTH and UID.fullmatch(value) is not None
