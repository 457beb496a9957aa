"""After the signature: its documents are written, put into the archive, and sent on their way.

Everything follows from the rows that the signature wrote. Whatever is cut off is done again, by whichever process
comes next, and gives the same documents under the same UIDs.
"""

import json
import logging

from sqlalchemy import insert, select, update

from firstread.archive import Archive
from firstread.archive.database import reading, writing
from firstread.archive.models import Delivery, Study
from firstread.errors import FirstreadError
from firstread.settings import Settings
from firstread.workflow.deliveries import PermanentFailure, documents_for, keep_result
from firstread.workflow.reporting.documents import SignedFacts, write_signed_documents
from firstread.workflow.reporting.models import Report, ReportVersion, Signing
from firstread.workflow.reporting.report import version_content
from firstread.workflow.reporting.signing import signature, signatures
from firstread.workflow.reporting.subject import Subject, subject_of
from firstread.workflow.result_folder import RESULT_JSON, is_complete, new_result_folder

MOST = 16
"""Signatures whose documents are written in one sweep."""

_log = logging.getLogger(__name__)


def file_report(archive: Archive, settings: Settings, signing: int) -> bool:
    """Write the documents of a signature, store them, queue their deliveries; tell whether all that is done.

    A failure is kept with the signature, and the next sweep tries again: the report is signed all the same.
    """
    try:
        _file(archive, settings, signing)
    except (FirstreadError, OSError) as problem:
        _failed(archive, signing, str(problem) if isinstance(problem, FirstreadError) else "The disk fails.")
        return False
    except Exception as problem:  # a fault of firstread: its text could quote the input, and so a patient
        _failed(archive, signing, f"Unexpected {type(problem).__name__}.")
        return False
    return True


def file_waiting(archive: Archive, settings: Settings) -> int:
    """File what signatures wait for; return how many were filed.

    Raises:
        ArchiveUnavailable: the database does not answer.
    """
    with reading(archive.engine) as connection:
        waiting = (
            connection.execute(
                select(Signing.id).where(Signing.filed.is_(False)).order_by(Signing.id).limit(MOST)
            )
            .scalars()
            .all()
        )
    return sum(file_report(archive, settings, key) for key in waiting)


def _file(archive: Archive, settings: Settings, key: int) -> None:
    facts, subject = _facts(archive, key)
    if facts.signature.filed:
        return
    folder = archive.folder / facts.signature.folder
    if not is_complete(folder):
        with new_result_folder(folder) as new:
            write_signed_documents(archive, new, facts)
    keep_result(archive, folder)
    rows = []
    for name in json.loads(subject.destinations):
        try:
            documents = documents_for(name, settings, folder)
        except PermanentFailure:  # a destination that the settings lost is a delivery that fails, and is seen
            documents = (RESULT_JSON,)
        rows += [
            {
                "result_key": subject.result_key,
                "folder": facts.signature.folder,
                "destination": name,
                "document": document,
            }
            for document in documents
        ]
    with writing(archive.engine) as connection:
        mine = connection.execute(
            update(Signing)
            .where(Signing.id == key, Signing.filed.is_(False))
            .values(filed=True, error="")
            .returning(Signing.id)
        ).first()
        if mine is not None and rows:
            connection.execute(insert(Delivery), rows)


def _facts(archive: Archive, key: int) -> tuple[SignedFacts, Subject]:
    with reading(archive.engine) as connection:
        signed = signature(connection, key)
        report = connection.execute(
            select(Report.token, Study.study_uid)
            .join(Study, Study.id == Report.study_key)
            .where(Report.id == signed.report_key)
        ).one()
        result = connection.execute(
            select(ReportVersion.result_key).where(
                ReportVersion.report_key == signed.report_key, ReportVersion.number == signed.version
            )
        ).scalar_one()
        subject = subject_of(connection, archive, report.study_uid, result_key=result)
        content = version_content(connection, signed.report_key, signed.version)
        all_of_them = signatures(connection, signed.report_key)
    before = tuple(each for each in all_of_them if each.key <= signed.key)
    return SignedFacts(report.token, subject, content, signed, before), subject


def _failed(archive: Archive, key: int, error: str) -> None:
    _log.warning("the documents of signature %d are not filed yet: %s", key, error)
    try:
        with writing(archive.engine) as connection:
            connection.execute(
                update(Signing).where(Signing.id == key, Signing.filed.is_(False)).values(error=error)
            )
    except FirstreadError:
        _log.warning("signature %d waits for the database", key)
