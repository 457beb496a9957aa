"""Where the results of a study lie in the archive's folder, how they go with it, and how they are copied."""

import os
import re
import secrets
import shutil
from pathlib import Path

from sqlalchemy import Connection, column, select, table

from firstread.archive.disk import flush_file_system, on_disk
from firstread.archive.models import Result

RESULTS = "results"
_signing = table(
    "signing", column("id"), column("folder")
)  # of signed reports, whose tables are not the archive's
_NAME = re.compile(rf"{RESULTS}/[0-9]+(\.[0-9]+)*/(report-)?[0-9]+")


def result_folder_name(study_uid: str, job: int) -> str:
    """Return the name of a job's result folder, relative to the archive's; a stored UID is digits and dots."""
    return f"{RESULTS}/{study_uid}/{job}"


def report_folder_name(study_uid: str, version: int) -> str:
    """Return the name of the folder of a signed report's documents, relative to the archive's."""
    return f"{RESULTS}/{study_uid}/report-{version}"


def remove_results(archive: Path, study_uid: str) -> None:
    """Remove the result folders of a study that the archive has no more: they hold the patient's data too."""
    shutil.rmtree(archive / RESULTS / study_uid, ignore_errors=True)


def result_folders(connection: Connection) -> list[str]:
    """Return the names of all result folders and of those of signed reports, relative to the archive's."""
    return [
        *connection.execute(select(Result.folder).order_by(Result.id)).scalars(),
        *connection.execute(select(_signing.c.folder).order_by(_signing.c.id)).scalars(),
    ]


def is_result_folder(name: str) -> bool:
    """Tell whether a name can be that of a result folder: following another could lead anywhere."""
    return _NAME.fullmatch(name) is not None


def copy_results(names: list[str], source: Path, target: Path) -> list[str]:
    """Copy result folders from one archive or backup to another, and return those that are missing.

    They never change, so one that is there already is left alone; each gets its name when it is whole.

    Raises:
        ArchiveFull, ArchiveUnavailable: the disk of the target.
    """
    missing = []
    with on_disk(target):
        for name in names:
            to = target / name
            if to.is_dir():
                continue
            if not (source / name).is_dir():
                missing.append(name)
                continue
            for folder in (target / RESULTS, to.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
            partial = to.with_name(f".{to.name}.partial-{secrets.token_hex(4)}")
            try:
                shutil.copytree(source / name, partial)
                os.rename(partial, to)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
        flush_file_system(target)
    return missing
