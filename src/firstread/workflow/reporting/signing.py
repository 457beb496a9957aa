"""Signing: one transaction makes a version final, says who answers for it, and counts what was decided.

The documents follow from these rows alone (`filing`), so that what is cut off after the signature is done again and
gives the same UIDs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, insert, select

from firstread.access import Actor
from firstread.archive import Archive
from firstread.archive.columns import now
from firstread.archive.results import report_folder_name
from firstread.dicom.uids import derive_uid
from firstread.errors import UsageError
from firstread.findings import Finding
from firstread.workflow.reporting.content import LONGEST_REASON, Addendum, Content
from firstread.workflow.reporting.models import DecidedFinding, Signing
from firstread.workflow.reporting.rebase import rebased
from firstread.workflow.reporting.report import NotNow, Opened, save, version_content
from firstread.workflow.reporting.subject import NotThere, subject_of

Kind = Literal["final", "amended", "addendum"]


@dataclass(frozen=True)
class Signatory:
    """The person who signs: key and name of the account, and how the person is called in the report."""

    account: int | None
    name: str
    display_name: str
    organisation: str = ""


@dataclass(frozen=True)
class Signature:
    """A signature as it was given; see `models.Signing`."""

    key: int
    report_key: int
    version: int
    kind: Kind
    name: str
    display_name: str
    organisation: str
    signed_at: datetime
    folder: str
    sr_uid: str
    pdf_uid: str
    predecessor: int | None
    filed: bool
    error: str


def sign(
    connection: Connection,
    archive: Archive,
    study_uid: str,
    actor: Actor,
    signatory: Signatory,
    *,
    expected: int,
    within: ColumnElement[bool] | None = None,
) -> tuple[Opened, int]:
    """Sign the report as it stands; return it, and the key of the signature.

    Args:
        connection: In a transaction that writes.
        archive: Where the report is.
        study_uid: Of the study.
        actor: Who signs; has authenticated again just now.
        signatory: The same as a person.
        expected: Number of the version that the person has seen.
        within: What the study must fulfil to be seen.

    Raises:
        NotThere: there is no such report.
        Changed: the newest version is another one.
        NotNow: it is signed, and is not being amended.
        UsageError: it has no impression.
    """

    def final(opened: Opened) -> Content:
        if not opened.is_open:
            raise NotNow("The report is signed already.", remedy="Amend it, or add an addendum.")
        if not opened.content.sections["impression"].text.strip():
            raise UsageError("The report has no impression.", remedy="Write one, or take the draft.")
        kind.append("amended" if opened.amending else "final")
        values["state"] = kind[0]
        return opened.content

    kind: list[Kind] = []
    values: dict[str, Any] = {"amending": False}
    opened = save(
        connection,
        archive,
        study_uid,
        actor,
        expected=expected,
        change=final,
        why="signed",
        within=within,
        values=values,
    )
    key = _signed(connection, opened, kind[0], signatory)
    _count(connection, opened, key, signatory)
    return opened, key


def add_addendum(
    connection: Connection,
    archive: Archive,
    study_uid: str,
    actor: Actor,
    signatory: Signatory,
    *,
    text: str,
    expected: int,
    within: ColumnElement[bool] | None = None,
) -> tuple[Opened, int]:
    """Add to a signed report and sign what was added; the report itself stays. Arguments as those of `sign`.

    Raises:
        NotThere: there is no such report.
        Changed: the newest version is another one.
        NotNow: it is not signed, or is being amended.
        UsageError: the text is empty.
    """
    if not text.strip():
        raise UsageError("The addendum is empty.", remedy="Write it.")

    def with_addendum(opened: Opened) -> Content:
        if opened.is_open:
            raise NotNow("The report is not signed.", remedy="Write into the report itself, and sign it.")
        more = Addendum(text=text.strip(), by=actor.name, name=signatory.display_name, at=now())
        return opened.content.model_copy(update={"addenda": (*opened.content.addenda, more)})

    opened = save(
        connection,
        archive,
        study_uid,
        actor,
        expected=expected,
        change=with_addendum,
        why="addendum",
        within=within,
    )
    key = _signed(connection, opened, "addendum", signatory)
    _count(connection, opened, key, signatory)
    return opened, key


def begin_amendment(
    connection: Connection,
    archive: Archive,
    study_uid: str,
    actor: Actor,
    *,
    reason: str,
    expected: int,
    within: ColumnElement[bool] | None = None,
) -> Opened:
    """Open a signed report for changes; until it is signed again, what was signed stays what others read.

    Where the study was read again since, the findings are those of the newest result.

    Raises:
        NotThere: there is no such report.
        Changed: the newest version is another one.
        NotNow: it is not signed, or is being amended.
        UsageError: there is no reason.
    """
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise UsageError(f"An amendment has a reason of 1 to {LONGEST_REASON} characters.", remedy="Say why.")
    newest = subject_of(connection, archive, study_uid, within=within)
    values: dict[str, Any] = {"amending": True}

    def reopened(opened: Opened) -> Content:
        if opened.is_open:
            raise NotNow("The report is not signed.", remedy="It can be changed as it is.")
        content = opened.content.model_copy(update={"amends": reason.strip()})
        if opened.newer_result:
            values["result_key"] = newest.result_key
            content = rebased(content, newest.result, digest=newest.digest)
        return content

    return save(
        connection,
        archive,
        study_uid,
        actor,
        expected=expected,
        change=reopened,
        why="amending",
        within=within,
        values=values,
    )


def give_up_amendment(
    connection: Connection,
    archive: Archive,
    study_uid: str,
    actor: Actor,
    *,
    expected: int,
    within: ColumnElement[bool] | None = None,
) -> Opened:
    """Go back to what was signed last.

    Raises:
        NotThere: there is no such report.
        Changed: the newest version is another one.
        NotNow: it is not being amended.
    """

    def as_signed(opened: Opened) -> Content:
        if not opened.amending:
            raise NotNow("The report is not being amended.")
        last = signatures(connection, opened.key)[-1]
        content = version_content(connection, opened.key, last.version)
        values["result_key"] = result_of(connection, opened.key, last.version)
        return content

    values: dict[str, Any] = {"amending": False}
    return save(
        connection,
        archive,
        study_uid,
        actor,
        expected=expected,
        change=as_signed,
        why="amending",
        within=within,
        values=values,
    )


def signatures(connection: Connection, report_key: int) -> tuple[Signature, ...]:
    """Return the signatures of a report, the oldest first."""
    rows = connection.execute(select(Signing).where(Signing.report_key == report_key).order_by(Signing.id))
    return tuple(signature_of(row) for row in rows)


def signature(connection: Connection, key: int) -> Signature:
    """Return a signature.

    Raises:
        NotThere: there is none.
    """
    row = connection.execute(select(Signing).where(Signing.id == key)).one_or_none()
    if row is None:
        raise NotThere
    return signature_of(row)


def signature_of(row: Any) -> Signature:  # noqa: ANN401 - a row
    """Return a row as a value."""
    return Signature(
        key=row.id,
        report_key=row.report_key,
        version=row.version,
        kind=row.kind,
        name=row.name,
        display_name=row.display_name,
        organisation=row.organisation,
        signed_at=row.signed_at,
        folder=row.folder,
        sr_uid=row.sr_uid,
        pdf_uid=row.pdf_uid,
        predecessor=row.predecessor,
        filed=row.filed,
        error=row.error,
    )


def result_of(connection: Connection, report_key: int, version: int) -> int:
    """Return the key of the result that a version speaks of."""
    from firstread.workflow.reporting.models import ReportVersion

    return int(
        connection.execute(
            select(ReportVersion.result_key).where(
                ReportVersion.report_key == report_key, ReportVersion.number == version
            )
        ).scalar_one()
    )


def _signed(connection: Connection, opened: Opened, kind: Kind, signatory: Signatory) -> int:
    before = signatures(connection, opened.key)
    identity = ("signed report", opened.token, str(opened.version))
    return int(
        connection.execute(
            insert(Signing)
            .values(
                report_key=opened.key,
                version=opened.version,
                kind=kind,
                account=signatory.account,
                name=signatory.name,
                display_name=signatory.display_name,
                organisation=signatory.organisation,
                signed_at=now().replace(microsecond=0),
                folder=report_folder_name(opened.subject.study_uid, opened.version),
                sr_uid=derive_uid(*identity, "SR"),
                pdf_uid=derive_uid(*identity, "PDF"),
                predecessor=before[-1].key if before else None,
                filed=False,
                error="",
            )
            .returning(Signing.id)
        ).scalar_one()
    )


def _count(connection: Connection, opened: Opened, signing: int, signatory: Signatory) -> None:
    """Write what was decided of every finding, for the statistics."""
    result, content = opened.result, opened.content
    stands = {one.id: one for one in opened.stands.findings}
    rows = []
    for finding in result.findings:
        rows.append(_row(finding, stands.get(finding.id), content.verdict_of(finding.id), finding.algorithms))
    for added in content.added:
        rows.append(_row(None, stands.get(added.finding.id), "added", ()))
    deciding = result.models[-1] if result.models else None
    for row in rows:
        row |= {
            "signing_key": signing,
            "reader": result.reader.name,
            "model": row["model"] or (f"{deciding.name} {deciding.version}" if deciding else ""),
            "digest": row["digest"] or (deciding.digest if deciding else ""),
            "person": signatory.name,
            "signed_at": now(),
        }
    if rows:
        connection.execute(insert(DecidedFinding), rows)


def _row(
    ai: Finding | None, person: Finding | None, verdict: str, algorithms: Sequence[Any]
) -> dict[str, Any]:
    last = algorithms[-1] if algorithms else None

    def size(finding: Finding | None) -> float | None:
        return finding.diameter_mm.mean if finding is not None and finding.diameter_mm is not None else None

    def category(finding: Finding | None) -> str:
        return finding.category.value if finding is not None and finding.category is not None else ""

    return {
        "verdict": verdict,
        "ai_mm": size(ai),
        "person_mm": size(person),
        "ai_category": category(ai),
        "person_category": category(person),
        "model": f"{last.name} {last.version}" if last else "",
        "digest": (last.digest or "") if last else "",
    }
