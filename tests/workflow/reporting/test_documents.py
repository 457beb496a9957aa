"""The documents of a signature, looked at by others' programs."""

import itertools
import json
import subprocess

import pydicom
import pytest
from fhir.resources.R4B.bundle import Bundle
from sqlalchemy import select

from firstread.archive import open_archive
from firstread.archive.database import reading, writing
from firstread.archive.models import Delivery, Instance
from firstread.findings import NOTICE
from firstread.settings import Settings
from firstread.workflow.reporting.filing import file_report, file_waiting
from firstread.workflow.reporting.models import Signing
from firstread.workflow.reporting.signing import add_addendum, begin_amendment
from tests.archive.samples import rows
from tests.dicom.validators import dciodvfy_errors, validator_errors
from tests.workflow.reporting.reported import Reported
from tests.workflow.reporting.samples import ANNE, DR_ANNE, add_result, receive_study

EDITED = {"decision": "edited", "edited": {"long_mm": 9.0, "short_mm": 7.0, "attenuation": "part-solid"}}


@pytest.fixture
def database_url():
    """None: the documents do not depend on the database."""


@pytest.fixture(scope="module")
def filed(small_study, read_folder, tmp_path_factory):
    """One finding edited, one rejected, one left unreviewed; signed and filed, and only looked at."""
    with open_archive(tmp_path_factory.mktemp("signed") / "archive") as archive:
        key = receive_study(archive, small_study)
        add_result(archive, key, read_folder[0])
        reported = Reported(archive, key, read_folder[1], read_folder[1].study_uid)
        reported.change(findings={"N1": EDITED, "N2": {"decision": "rejected", "reason": "a vessel"}})
        reported.change(sections={"indication": {"text": "咳嗽 Cough."}})
        _, key = reported.sign()
        assert file_report(archive, Settings(cache_dir=reported.archive.folder / "cache"), key), rows(
            archive, Signing
        )[-1].error
        yield reported


@pytest.fixture
def signed(filed):
    """The folder of its documents."""
    return filed.archive.folder / rows(filed.archive, Signing)[-1].folder


def items(container):
    """Every content item below one, itself included."""
    yield container
    for child in container.get("ContentSequence", []):
        yield from items(child)


def groups(sr):
    return [
        item for item in items(sr)
        if item.get("ConceptNameCodeSequence") and item.ConceptNameCodeSequence[0].CodeValue == "125007"
    ]  # fmt: skip


def said(group, code):
    for item in group.ContentSequence:
        if item.ConceptNameCodeSequence[0].CodeValue == code:
            if item.ValueType == "NUM":
                return float(item.MeasuredValueSequence[0].NumericValue)
            if item.ValueType == "CODE":
                return item.ConceptCodeSequence[0].CodeMeaning
            return item.get("TextValue") or item.get("UID") or str(item.get("PersonName"))
    return None


def test_the_structured_report_is_verified_and_valid(signed, debian_tool):
    sr = pydicom.dcmread(signed / "sr.dcm")
    assert (sr.VerificationFlag, sr.CompletionFlag, sr.PreliminaryFlag) == ("VERIFIED", "COMPLETE", "FINAL")
    (observer,) = sr.VerifyingObserverSequence
    assert str(observer.VerifyingObserverName) == "Dr Anne Lee 李安"
    assert observer.VerifyingOrganization == "St Elsewhere"
    assert len(observer.VerificationDateTime) == 19  # with the offset from UTC
    assert sr.SpecificCharacterSet == "ISO_IR 192"
    assert dciodvfy_errors(signed / "sr.dcm", debian_tool("dciodvfy")) == []
    assert validator_errors(signed / "sr.dcm") == []
    assert dciodvfy_errors(signed / "report.dcm", debian_tool("dciodvfy")) == []
    dumped = subprocess.run([debian_tool("dsrdump"), str(signed / "sr.dcm")], capture_output=True, check=True)
    assert "Verification Flag   : VERIFIED" in dumped.stdout.decode()


def test_the_statements_of_the_person_and_of_the_ai_are_told_apart(signed, filed):
    sr = pydicom.dcmread(signed / "sr.dcm")
    told = [
        (said(g, "112039"), said(g, "121005"), said(g, "review"), said(g, "81827009")) for g in groups(sr)
    ]
    ai = filed.result.findings[0].diameter_mm.mean
    assert told[0][:2] == ("Study", "Person")
    assert ("N1", "Device", "Corrected", ai) in told
    assert ("N1", "Person", "Corrected", 8.0) in told
    assert ("N3", "Device", "Not reviewed", 20.0) in told
    assert not any(name == "N2" for name, *_ in told)
    comments = [item.TextValue for item in items(sr) if item.get("ValueType") == "TEXT"]
    assert any("N2: finding of the AI rejected by the radiologist: a vessel" in text for text in comments)
    uids = {said(g, "112040") for g in groups(sr) if said(g, "112039") == "N1"}
    assert uids == {filed.result.findings[0].tracking_uid}


def test_the_structured_report_names_the_ais_as_its_predecessor(signed, filed):
    sr = pydicom.dcmread(signed / "sr.dcm")
    ((series,),) = [each.ReferencedSeriesSequence for each in sr.PredecessorDocumentsSequence]
    before = series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    with reading(filed.archive.engine) as connection:
        stored = set(connection.execute(select(Instance.sop_instance_uid)).scalars())
    assert before in stored


def test_the_pdf_says_who_signed_and_what_nobody_reviewed(signed, debian_tool):
    text = subprocess.run(
        [debian_tool("pdftotext"), "-layout", str(signed / "report.pdf"), "-"],
        capture_output=True,
        check=True,
    ).stdout.decode()
    assert "final report" in text
    assert "Dr Anne Lee" in text
    assert "李安" in text
    assert "Cough." in text
    assert "corrected" in text
    assert NOTICE in text  # of N3
    _first, _, _rest = text.partition("N3")
    assert "9.0 × 7.0 mm" in text
    assert "rejected" in text and "N2" in text
    header = pydicom.dcmread(signed / "report.dcm")
    assert header.VerificationFlag == "VERIFIED"
    assert NOTICE not in header.DocumentTitle


def test_the_pdf_of_a_report_that_was_reviewed_whole_has_no_unverified_statement(
    reported, settings, debian_tool
):
    reported.change(findings={name: {"decision": "accepted"} for name in ("N1", "N2", "N3")})
    _, key = reported.sign()
    assert file_report(reported.archive, settings, key)
    folder = reported.archive.folder / rows(reported.archive, Signing)[-1].folder
    text = subprocess.run(
        [debian_tool("pdftotext"), str(folder / "report.pdf"), "-"], capture_output=True, check=True
    ).stdout.decode()
    assert "[AI preliminary, not verified]" not in text
    assert "Not reviewed by the radiologist" not in text


def test_the_fhir_report_is_final_and_its_observations_say_whose_they_are(signed):
    bundle = json.loads((signed / "report.fhir.json").read_text())
    Bundle.model_validate(bundle)
    of = {}
    for entry in bundle["entry"]:
        of.setdefault(entry["resource"]["resourceType"], []).append((entry["fullUrl"], entry["resource"]))
    ((_, report),) = of["DiagnosticReport"]
    ((person, practitioner),) = of["Practitioner"]
    assert report["status"] == "final"
    assert report["resultsInterpreter"] == [{"reference": person}]
    assert practitioner["name"][0]["text"] == "Dr Anne Lee 李安"
    stands = [dict(of["Observation"])[one["reference"]] for one in report["result"]]
    edited = next(one for one in stands if one["code"]["text"].startswith("N1"))
    left = next(one for one in stands if one["code"]["text"].startswith("N3"))
    assert (edited["status"], edited["performer"]) == ("final", [{"reference": person}])
    assert "device" not in edited
    before = dict(of["Observation"])[edited["derivedFrom"][1]["reference"]]
    assert (before["status"], "device" in before) == ("preliminary", True)
    assert (left["status"], "performer" in left) == ("preliminary", False)
    ((_, provenance),) = of["Provenance"]
    assert provenance["agent"][0]["who"] == {"reference": person}


def test_the_ais_own_result_lies_beside_what_was_signed(signed, read_folder):
    assert (signed / "result.json").read_bytes() == (read_folder[0] / "result.json").read_bytes()
    report = json.loads((signed / "report.json").read_text())
    assert report["content"]["decisions"]["N2"]["verdict"] == "rejected"
    assert [one["id"] for one in report["stands"]["findings"]] == ["N1", "N3"]


def test_filing_that_was_cut_off_goes_on_with_the_same_documents(reported, settings):
    _, key = reported.sign()
    assert file_report(reported.archive, settings, key)
    (before,) = rows(reported.archive, Signing)
    first = {path.name: path.read_bytes() for path in (reported.archive.folder / before.folder).iterdir()}
    instances = rows(reported.archive, Instance)
    with writing(reported.archive.engine) as connection:
        connection.execute(Signing.__table__.update().values(filed=False))
    assert file_waiting(reported.archive, settings) == 1
    assert {
        path.name: path.read_bytes() for path in (reported.archive.folder / before.folder).iterdir()
    } == first
    assert rows(reported.archive, Instance) == instances
    assert file_waiting(reported.archive, settings) == 0


def test_documents_that_are_written_again_have_the_same_uids_and_bytes(reported, settings):
    import shutil

    _, key = reported.sign()
    assert file_report(reported.archive, settings, key)
    folder = reported.archive.folder / rows(reported.archive, Signing)[0].folder
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    shutil.rmtree(folder)
    with writing(reported.archive.engine) as connection:
        connection.execute(Signing.__table__.update().values(filed=False))
    assert file_waiting(reported.archive, settings) == 1
    again = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {name for name in first if first[name] != again[name]} == set()


def test_signed_documents_go_where_the_results_went(archive, small_study, read_folder, tmp_path):
    key = receive_study(archive, small_study)
    add_result(archive, key, read_folder[0], destinations='["share"]')
    reported = Reported(archive, key, read_folder[1], read_folder[1].study_uid)
    settings = Settings(destinations={"share": {"address": f"folder:{tmp_path / 'share'}"}})
    (tmp_path / "share").mkdir()
    _, signing = reported.sign()
    assert file_report(archive, settings, signing)
    queued = {row.document: row for row in rows(archive, Delivery)}
    assert set(queued) == {
        "sr.dcm",
        "report.dcm",
        "report.pdf",
        "report.fhir.json",
        "report.json",
        "result.json",
    }
    from firstread.workflow.deliveries import deliver

    for name in queued:
        deliver(archive, settings, "share", archive.folder / queued[name].folder, name)
    (target,) = (tmp_path / "share" / reported.uid).iterdir()
    assert (target / "sr.dcm").read_bytes() == (
        archive.folder / queued["sr.dcm"].folder / "sr.dcm"
    ).read_bytes()


def test_an_addendum_and_an_amendment_name_what_they_take_the_place_of(reported, settings, debian_tool):
    _, key = reported.sign()
    assert file_report(reported.archive, settings, key)
    archive, uid = reported.archive, reported.uid
    seen = reported.open().version
    with writing(archive.engine) as connection:
        opened, key = add_addendum(
            connection, archive, uid, ANNE, DR_ANNE, text="Seen by the surgeon.", expected=seen
        )
    assert opened.state == "final"
    assert file_report(archive, settings, key)
    with writing(archive.engine) as connection:
        begin_amendment(connection, archive, uid, ANNE, reason="wrong side", expected=opened.version)
    reported.change(findings={"N1": EDITED})
    opened, key = reported.sign()
    assert opened.state == "amended"
    assert file_report(archive, settings, key)
    signings = rows(archive, Signing)
    assert [one.kind for one in signings] == ["final", "addendum", "amended"]
    for before, after in itertools.pairwise(signings):
        sr = pydicom.dcmread(archive.folder / after.folder / "sr.dcm")
        named = {
            one.ReferencedSOPInstanceUID
            for each in sr.PredecessorDocumentsSequence
            for series in each.ReferencedSeriesSequence
            for one in series.ReferencedSOPSequence
        }
        assert before.sr_uid in named
        assert dciodvfy_errors(archive.folder / after.folder / "sr.dcm", debian_tool("dciodvfy")) == []
    status = [
        json.loads((archive.folder / one.folder / "report.fhir.json").read_text())["entry"][0]["resource"][
            "status"
        ]
        for one in signings
    ]
    assert status == ["final", "appended", "amended"]
    text = subprocess.run(
        [debian_tool("pdftotext"), str(archive.folder / signings[-1].folder / "report.pdf"), "-"],
        capture_output=True, check=True,
    ).stdout.decode()  # fmt: skip
    assert "Seen by the surgeon." in text
    assert "wrong side" in text
    assert len({one.sr_uid for one in signings}) == 3


def test_a_backup_has_the_signed_documents_and_they_come_back(signed, filed, tmp_path):
    from firstread.archive.backup import backup, restore

    backup(filed.archive, tmp_path / "backup")
    with open_archive(tmp_path / "other") as other:
        assert not restore(other, tmp_path / "backup").faults
        (signing,) = rows(other, Signing)
        assert (other.folder / signing.folder / "sr.dcm").read_bytes() == (signed / "sr.dcm").read_bytes()
