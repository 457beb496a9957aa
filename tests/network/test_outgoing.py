import os
from pathlib import Path

from firstread.network.outgoing import files_of_folder, files_of_study
from tests.archive.samples import instances
from tests.dicom.ct_series import JPEG_LS
from tests.network.test_retrieve_scp import study_uid


def read(outgoing, what):
    with outgoing.at_hand() as path:
        return what(path)


def test_a_folder_gives_its_dicom_files_by_name_and_nothing_else(tmp_path):
    (sent,) = instances(1, syntax=JPEG_LS)
    for name in ("b/2.dcm", "a/1"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(sent.header + bytes(sent.dataset))
    (tmp_path / "notes.txt").write_text("none")
    (tmp_path / "broken.dcm").write_bytes((sent.header + bytes(sent.dataset))[:140])
    os.mkfifo(tmp_path / "pipe")
    found = files_of_folder(tmp_path)
    assert [read(each, lambda path: path.name) for each in found] == ["1", "2.dcm"]
    assert {(each.sop_instance_uid, each.transfer_syntax_uid) for each in found} == {
        (sent.sop_instance_uid, JPEG_LS)
    }
    (alone,) = files_of_folder(tmp_path / "a" / "1")
    assert read(alone, Path.read_bytes) == read(found[0], Path.read_bytes)


def test_a_study_gives_its_first_versions_by_series_and_number(archive, stored):
    again = instances(1, series=1, seed=3)[0]
    archive.receive(again)
    files = files_of_study(archive, study_uid(stored))
    assert [each.sop_instance_uid for each in files] == [each.sop_instance_uid for each in stored]
    assert all(
        read(each, Path.read_bytes).endswith(bytes(one.dataset))
        for each, one in zip(files, stored, strict=True)
    )
    assert files_of_study(archive, "1.2.3") == []
