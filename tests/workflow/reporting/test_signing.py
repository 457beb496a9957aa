from sqlalchemy import select

from firstread.archive.database import reading
from firstread.archive.models import Instance
from firstread.workflow.reporting.filing import file_report
from firstread.workflow.reporting.models import Signing
from tests.archive.samples import rows


def uids(archive):
    with reading(archive.engine) as connection:
        return list(connection.execute(select(Instance.sop_instance_uid, Instance.version)))


def test_a_signed_report_is_final_and_its_documents_are_in_the_archive(reported, settings):
    opened, key = reported.sign()
    assert (opened.state, opened.is_open) == ("final", False)
    assert file_report(reported.archive, settings, key), rows(reported.archive, Signing)[0].error
    (signing,) = rows(reported.archive, Signing)
    assert signing.filed
    stored = uids(reported.archive)
    assert (signing.sr_uid, 1) in stored
    assert (signing.pdf_uid, 1) in stored
    names = {path.name for path in (reported.archive.folder / signing.folder).iterdir()}
    assert names == {"sr.dcm", "report.dcm", "report.pdf", "report.fhir.json", "report.json", "result.json"}
