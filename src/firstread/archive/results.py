"""Where the results of a study lie in the archive's folder, how they go with it, and how they are copied."""

import os
import re
import secrets
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, column, func, select, table

from firstread.archive.disk import flush_file_system, on_disk
from firstread.archive.models import Job, Patient, Result, Study

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


def newest_results(
    connection: Connection,
    *,
    study_uid: str | None = None,
    since: datetime | None = None,
    within: ColumnElement[bool] | None = None,
    limit: int = 1000,
) -> list[Row[Any]]:
    """Return the newest result of each reader of each study, the latest first.

    Rows have `study_uid`, `study_date`, `patient_name`, `patient_id`, `reader`, `folder` and `created_at`.

    Args:
        connection: Of the archive's database.
        study_uid: Only of this study.
        since: Only what was found from this moment on.
        within: What the study must fulfil (`Grant.within`); None: every study.
        limit: So many at most.
    """
    newest = select(func.max(Result.id)).join(Job).group_by(Job.study_key, Job.reader).scalar_subquery()
    statement = (
        select(
            Study.study_uid,
            Study.study_date,
            Patient.name.label("patient_name"),
            Patient.patient_id,
            Job.reader,
            Result.folder,
            Result.created_at,
        )
        .select_from(Result)
        .join(Job, Job.id == Result.job_key)
        .join(Study, Study.id == Job.study_key)
        .join(Patient, Patient.id == Study.patient_key)
        .where(Result.id.in_(newest))
    )
    for condition in (
        Study.study_uid == study_uid if study_uid is not None else None,
        Result.created_at >= since if since is not None else None,
        within,
    ):
        if condition is not None:
            statement = statement.where(condition)
    return list(connection.execute(statement.order_by(Result.id.desc()).limit(limit)))


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
