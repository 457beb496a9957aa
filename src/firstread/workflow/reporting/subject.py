"""What a report is about: a study and its newest result."""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from firstread.archive import Archive
from firstread.archive.models import Job, Result, Study
from firstread.errors import UsageError
from firstread.findings import ReadResult
from firstread.reports import Lang
from firstread.workflow.result_folder import load_result

KEPT_RESULTS = 32  # parsed, each 0.3 MB at most


class NotThere(UsageError):
    """There is no such study, it may not be seen, or nothing has read it; all three sound the same."""

    def __init__(self) -> None:
        super().__init__(
            "There is no result of such a study.", remedy="The worklist shows the studies that were read."
        )


@dataclass(frozen=True)
class Subject:
    """A study and one of its results.

    Attributes:
        study_key: Of the study.
        study_uid: Its UID.
        result_key: Of the result.
        folder: Its folder, relative to the archive's.
        digest: sha256 (hex) of its `result.json`.
        lang: Language in which the result was reported.
        destinations: Where its documents went, as the job has it: a JSON list of names.
        result: What the AI found.
    """

    study_key: int
    study_uid: str
    result_key: int
    folder: str
    digest: str
    lang: Lang
    destinations: str
    result: ReadResult = field(repr=False)


def subject_of(
    connection: Connection,
    archive: Archive,
    study_uid: str,
    *,
    within: ColumnElement[bool] | None = None,
    result_key: int | None = None,
) -> Subject:
    """Return a study with its newest result, or with the one that is named.

    Args:
        connection: To the archive's database.
        archive: Where the result folders are.
        study_uid: Of the study.
        within: What the study must fulfil to be seen.
        result_key: Of the result; None takes the newest.

    Raises:
        NotThere: there is none.
        UsageError: the result folder is gone or damaged.
    """
    statement = (
        select(Study.id, Study.study_uid, Result.id, Result.folder, Result.digest, Job.lang, Job.destinations)
        .join(Job, Job.study_key == Study.id)
        .join(Result, Result.job_key == Job.id)
        .where(Study.study_uid == study_uid)
        .order_by(Result.id.desc())
        .limit(1)
    )
    if within is not None:
        statement = statement.where(within)
    if result_key is not None:
        statement = statement.where(Result.id == result_key)
    row: Any = connection.execute(statement).one_or_none()
    if row is None:
        raise NotThere
    key, uid, result, folder, digest, lang, destinations = row
    known: Lang = "zh" if lang == "zh" else "en"
    found = parsed_result(archive.folder / folder, digest)
    return Subject(key, uid, result, folder, digest, known, destinations, found)


@lru_cache(maxsize=KEPT_RESULTS)
def parsed_result(folder: Path, digest: str) -> ReadResult:
    """Return the result of a folder; folders never change, so that each is parsed once.

    Raises:
        UsageError: it is gone or damaged.
    """
    return load_result(folder)
