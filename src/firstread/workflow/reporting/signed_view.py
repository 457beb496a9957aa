"""What others read of a report: what was signed last, whatever is being written meanwhile."""

from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, select

from firstread.archive import Archive
from firstread.archive.models import Study
from firstread.workflow.reporting.documents import SignedFacts
from firstread.workflow.reporting.models import Report
from firstread.workflow.reporting.report import version_content
from firstread.workflow.reporting.signing import Signature, result_of, signatures
from firstread.workflow.reporting.subject import subject_of


@dataclass(frozen=True)
class SignedView:
    """A signed report: what its documents follow from, and whether it is being amended now."""

    facts: SignedFacts = field(repr=False)
    amending: bool

    @property
    def signature(self) -> Signature:
        """The newest signature."""
        return self.facts.signature


def signed_view(
    connection: Connection, archive: Archive, study_uid: str, *, within: ColumnElement[bool] | None = None
) -> SignedView | None:
    """Return what was signed last of a study; None where nothing was, or the study may not be seen."""
    statement = (
        select(Report.id, Report.token, Report.amending)
        .join(Study, Study.id == Report.study_key)
        .where(Study.study_uid == study_uid)
    )
    if within is not None:
        statement = statement.where(within)
    report = connection.execute(statement).one_or_none()
    signed = signatures(connection, report.id) if report is not None else ()
    if report is None or not signed:
        return None
    last = signed[-1]
    subject = subject_of(
        connection, archive, study_uid, result_key=result_of(connection, report.id, last.version)
    )
    content = version_content(connection, report.id, last.version)
    return SignedView(SignedFacts(report.token, subject, content, last, signed), report.amending)
