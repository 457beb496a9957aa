import shutil

import pytest

from firstread.settings import Settings
from firstread.workflow.deliveries import PermanentFailure, deliver, unusable_destinations


@pytest.mark.parametrize("document", ["../sr.dcm", "/etc/passwd", "notes.txt", "result.json", ""])
def test_only_documents_that_go_there_are_delivered(archive, settings_of, result_folder, document):
    with pytest.raises(PermanentFailure, match="no document of the result"):
        deliver(archive, settings_of(pacs="PACS@10.0.0.5:104"), "pacs", result_folder, document)


def test_a_destination_that_the_settings_do_not_name_fails_for_good(archive, settings_of, result_folder):
    with pytest.raises(PermanentFailure, match="no destination"):
        deliver(archive, settings_of(), "pacs", result_folder, "sr.dcm")


def test_a_result_that_cannot_be_read_fails_for_good(archive, settings_of, result_folder, tmp_path):
    folder = shutil.copytree(result_folder, tmp_path / "copy")
    (folder / "result.json").write_text("{}")
    with pytest.raises(PermanentFailure, match="not a result"):
        deliver(archive, settings_of(share=f"folder:{tmp_path}"), "share", folder, "sr.dcm")


def test_a_document_that_is_no_dicom_file_fails_for_good(archive, settings_of, result_folder, tmp_path):
    folder = shutil.copytree(result_folder, tmp_path / "copy")
    (folder / "sr.dcm").write_bytes(b"none")
    for address in ("PACS@127.0.0.1:104", "stow:http://127.0.0.1:1/dicom-web"):
        with pytest.raises(PermanentFailure, match="not a DICOM file"):
            deliver(archive, settings_of(pacs=address), "pacs", folder, "sr.dcm")


@pytest.mark.parametrize("kind", ["stow", "webhook"])
def test_a_destination_among_the_services_of_a_cloud_is_refused_unless_the_settings_name_it(kind):
    destinations = {"web": f"{kind}:https://169.254.169.254/x"}
    secret = {"web": "k" * 16}
    refused = Settings(destinations=destinations, destination_secrets=secret)
    assert "link-local" in unusable_destinations(refused)["web"]
    meant = Settings(
        destinations=destinations,
        destination_secrets=secret,
        destination_special_addresses=["169.254.169.254"],
    )
    assert unusable_destinations(meant) == {}
