"""A report: opened, saved as a new version where nobody else has changed it meanwhile."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from firstread.access import Action, Actor
from firstread.archive import Archive
from firstread.archive.columns import now
from firstread.archive.database import reading, writing
from firstread.archive.notices import tell
from firstread.archive.worklist import mark
from firstread.errors import FirstreadError
from firstread.findings import ReadResult
from firstread.workflow.reporting import texts, trail
from firstread.workflow.reporting.content import Content
from firstread.workflow.reporting.drafting import first_draft
from firstread.workflow.reporting.models import Report, ReportVersion
from firstread.workflow.reporting.rebase import rebased
from firstread.workflow.reporting.standing import standing
from firstread.workflow.reporting.subject import NotThere, Subject, subject_of

State = Literal["preliminary", "final", "amended"]
Why = Literal["drafted", "saved", "new result", "signed", "addendum", "amending"]
SOFTWARE = Actor("service", "firstread")
_TRIES = 3


class Changed(FirstreadError):
    """Somebody else has saved the report meanwhile; `opened` is what it says now, `by` whom and `at` when."""

    def __init__(self, opened: "Opened") -> None:
        super().__init__(
            f"{opened.author or 'Somebody else'} has changed the report meanwhile.",
            remedy="Look at what it says now, and save again what is still to be changed.",
        )
        self.opened = opened


class NotNow(FirstreadError):
    """The report's state does not allow it."""


@dataclass(frozen=True)
class Opened:
    """A report as it stands.

    Attributes:
        key: Of the report.
        token: What its UIDs are made from.
        state: Of the newest signature.
        amending: A signed report is being changed.
        version: Number of the newest version.
        author: Who wrote that, "firstread" for a draft.
        changed_at: When.
        content: What it says.
        subject: The study and the result that it speaks of.
        newer_result: The study was read again since; a signed report does not follow by itself.
    """

    key: int
    token: str
    state: State
    amending: bool
    version: int
    author: str
    changed_at: datetime
    content: Content = field(repr=False)
    subject: Subject = field(repr=False)
    newer_result: bool = False

    @property
    def result(self) -> ReadResult:
        """The AI's result."""
        return self.subject.result

    @property
    def stands(self) -> ReadResult:
        """The result with the findings that stand."""
        return standing(self.result, self.content)

    @property
    def is_open(self) -> bool:
        """Tell whether it may be changed: it was never signed, or is being amended."""
        return self.state == "preliminary" or self.amending


def open_report(
    archive: Archive, study_uid: str, *, within: ColumnElement[bool] | None = None, actor: Actor = SOFTWARE
) -> Opened:
    """Return the report of a study; drafted where there is none, and anew where the study was read again.

    Args:
        archive: Where it is.
        study_uid: Of the study.
        within: What the study must fulfil to be seen.
        actor: Whose templates a new one begins with.

    Raises:
        NotThere: nothing has read such a study.
        UsageError: the result folder is gone or damaged.
        ArchiveUnavailable: the database does not answer.
    """
    with reading(archive.engine) as connection:
        subject = subject_of(connection, archive, study_uid, within=within)
        opened = _opened(connection, archive, subject)
    if opened is not None and not (opened.newer_result and opened.state == "preliminary"):
        return opened
    for left in reversed(range(_TRIES)):
        try:
            with writing(archive.engine) as connection:
                return _brought_up_to_date(connection, archive, subject, actor)
        except IntegrityError:  # another process was faster
            if not left:
                raise
    raise NotThere


def save(
    connection: Connection,
    archive: Archive,
    study_uid: str,
    actor: Actor,
    *,
    expected: int,
    change: Callable[[Opened], Content],
    why: Why = "saved",
    within: ColumnElement[bool] | None = None,
    values: dict[str, Any] | None = None,
) -> Opened:
    """Write a new version, in the caller's transaction.

    Args:
        connection: In a transaction that writes.
        archive: Where the report is.
        study_uid: Of the study.
        actor: Who writes.
        expected: Number of the version that the actor has seen.
        change: Returns what the report shall say; where that is what it says, nothing is written.
        why: Of the version.
        within: What the study must fulfil to be seen.
        values: Columns of the report that change with it.

    Raises:
        NotThere: there is no such report.
        Changed: the newest version is another one.
        NotNow: raised by `change`, passed on.
    """
    subject = subject_of(connection, archive, study_uid, within=within)
    opened = _opened(connection, archive, subject, lock=True)
    if opened is None:
        raise NotThere
    if opened.version != expected:
        raise Changed(opened)
    content = change(opened)
    if content == opened.content and not values:
        return opened
    _add_version(connection, opened, content, actor, why, values or {})
    written = _opened(connection, archive, subject)
    assert written is not None
    return written


def version_content(connection: Connection, report_key: int, number: int) -> Content:
    """Return what a version says.

    Raises:
        NotThere: there is none of this number.
    """
    found = connection.execute(
        select(ReportVersion.content).where(
            ReportVersion.report_key == report_key, ReportVersion.number == number
        )
    ).scalar_one_or_none()
    if found is None:
        raise NotThere
    return Content.model_validate_json(found)


def _opened(
    connection: Connection, archive: Archive, newest: Subject, *, lock: bool = False
) -> Opened | None:
    statement = select(Report).where(Report.study_key == newest.study_key)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    if row is None:
        return None
    version = connection.execute(
        select(ReportVersion).where(ReportVersion.report_key == row.id, ReportVersion.number == row.version)
    ).one()
    subject = newest
    if version.result_key != newest.result_key:
        subject = subject_of(connection, archive, newest.study_uid, result_key=version.result_key)
    return Opened(
        key=row.id,
        token=row.token,
        state=row.state,
        amending=row.amending,
        version=row.version,
        author=version.author,
        changed_at=version.made_at,
        content=Content.model_validate_json(version.content),
        subject=subject,
        newer_result=version.result_key != newest.result_key,
    )


def _brought_up_to_date(connection: Connection, archive: Archive, newest: Subject, actor: Actor) -> Opened:
    opened = _opened(connection, archive, newest, lock=True)
    if opened is None:
        key = connection.execute(
            insert(Report).values(study_key=newest.study_key).returning(Report.id)
        ).scalar_one()
        begun = texts.beginnings(connection, actor.name, newest.lang)
        content = first_draft(newest.result, digest=newest.digest, lang=newest.lang, texts=begun)
        trail.told(connection, SOFTWARE, "C", newest.study_key, newest.study_uid, why="drafted", version="1")
        _write(connection, key, 1, newest.result_key, "preliminary", "drafted", SOFTWARE, content, {})
    elif opened.newer_result and opened.state == "preliminary":
        content = rebased(opened.content, newest.result, digest=newest.digest)
        number = opened.version + 1
        _write(
            connection,
            opened.key,
            number,
            newest.result_key,
            opened.state,
            "new result",
            SOFTWARE,
            content,
            {},
        )
    written = _opened(connection, archive, newest)
    assert written is not None
    return written


def _add_version(
    connection: Connection, opened: Opened, content: Content, actor: Actor, why: Why, values: dict[str, Any]
) -> None:
    state = values.get("state", opened.state)
    result = values.pop("result_key", opened.subject.result_key)
    number = opened.version + 1
    _write(connection, opened.key, number, result, state, why, actor, content, values)
    subject = opened.subject
    trail.told(
        connection,
        actor,
        "U",
        subject.study_key,
        subject.study_uid,
        why=why,
        version=str(number),
        state=state,
    )
    is_signed = state != "preliminary" and not values.get("amending", opened.amending)
    mark(connection, subject.study_key, report="signed" if is_signed else "in_review")
    tell(
        connection,
        "report",
        study_key=subject.study_key,
        needs=Action.EDIT_REPORT,
        content={"study_uid": subject.study_uid, "version": number, "by": actor.name},
    )


def _write(
    connection: Connection,
    key: int,
    number: int,
    result_key: int,
    state: str,
    why: Why,
    actor: Actor,
    content: Content,
    values: dict[str, Any],
) -> None:
    text = content.model_dump_json(exclude_none=True)
    moment = now()
    connection.execute(
        insert(ReportVersion).values(
            report_key=key,
            number=number,
            result_key=result_key,
            state=state,
            why=why,
            author_kind=actor.kind,
            author=actor.name,
            account=actor.account,
            content=text,
            digest=hashlib.sha256(text.encode()).hexdigest(),
            made_at=moment,
        )
    )
    connection.execute(
        update(Report).where(Report.id == key).values(version=number, changed_at=moment, **values)
    )
