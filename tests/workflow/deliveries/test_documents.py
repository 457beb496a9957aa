import pytest

from firstread.workflow.deliveries import PermanentFailure, documents_for
from tests.workflow.deliveries.conftest import DICOM


@pytest.mark.parametrize("address", ["PACS@10.0.0.5:104", "stow:https://pacs.example/dicom-web"])
def test_pacs_and_dicomweb_take_the_dicom_documents(address, result_folder, settings_of):
    assert documents_for("pacs", settings_of(pacs=address), result_folder) == DICOM


def test_a_folder_takes_everything_and_result_json_last(result_folder, settings_of):
    taken = documents_for("share", settings_of(share="folder:/srv/results"), result_folder)
    assert set(taken) == {path.name for path in result_folder.iterdir()}
    assert taken[-1] == "result.json"


def test_a_webhook_takes_one_event(result_folder, settings_of):
    assert documents_for("ris", settings_of(ris="webhook:https://ris.example"), result_folder) == (
        "result.json",
    )


@pytest.mark.parametrize(
    ("address", "documents", "taken"),
    [
        ("PACS@10.0.0.5:104", ["sr", "seg"], ("seg.dcm", "sr.dcm")),
        ("PACS@10.0.0.5:104", ["pdf"], ("report.dcm",)),
        ("folder:/srv", ["pdf", "json"], ("report.dcm", "report.pdf", "result.json")),
        ("folder:/srv", [], ()),
    ],
)
def test_a_destination_may_take_some_kinds_only(address, documents, taken, result_folder, settings_of):
    settings = settings_of(some={"address": address, "documents": documents})
    assert documents_for("some", settings, result_folder) == taken


def test_other_files_beside_a_result_go_nowhere(tmp_path, settings_of):
    (tmp_path / "sr.dcm").touch()
    (tmp_path / "notes.txt").touch()
    assert documents_for("share", settings_of(share="folder:/srv"), tmp_path) == ("sr.dcm",)


def test_a_destination_that_is_not_there_and_a_folder_that_is_gone_are_said(tmp_path, settings_of):
    with pytest.raises(PermanentFailure, match="no destination 'pacs'"):
        documents_for("pacs", settings_of(), tmp_path)
    with pytest.raises(PermanentFailure, match="cannot be opened"):
        documents_for("pacs", settings_of(pacs="PACS@10.0.0.5:104"), tmp_path / "gone")
