import json

import pytest

from tests.dicom.ct_series import anatomy, ct_series, encode, write


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with two studies; the archive is one of the test's own."""
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "archive"))
    write(tmp_path / "in", ct_series(anatomy(3, 16)), pattern="a/{}")
    return write(tmp_path / "in", ct_series(anatomy(2, 16), study=2), pattern="b/{}")


def test_a_folder_is_added_and_listed(firstread, folder):
    added = firstread("archive", "add", folder)
    assert (added.code, added.out) == (0, "5 stored, 0 there already, 2 studies.\n")
    listed = firstread("archive", "list")
    assert listed.code == 0
    assert listed.out.count("2025-01-02") == 2
    assert "1.2.826.0.1.3680043.8.498.7.2" in listed.out


def test_no_patient_is_named_unless_asked_for(firstread, folder):
    firstread("archive", "add", folder)
    for shown in (("archive", "list"), ("archive", "list", "--json")):
        said = firstread(*shown)
        assert "Synthetic" not in said.out
        assert "SYN-1" not in said.out
    assert "Test^Synthetic" in firstread("archive", "list", "--identify").out


def test_json_tells_programs_the_same(firstread, folder):
    added = json.loads(firstread("archive", "add", folder, "--json").out)
    assert (added["stored"], added["refused"]) == (5, [])
    listed = json.loads(firstread("archive", "list", "--json").out)
    assert sorted(study["NumberOfStudyRelatedInstances"] for study in listed) == [2, 3]


def test_keys_choose_studies(firstread, folder):
    firstread("archive", "add", folder)
    listed = firstread(
        "archive", "list", "--json", "--match", "ModalitiesInStudy=CT", "--match", "StudyDate=2026-"
    )
    assert listed.code == 2
    assert "StudyDate" in listed.err
    found = firstread(
        "archive", "list", "--json", "--match", "StudyInstanceUID=1.2.826.0.1.3680043.8.498.7.2"
    )
    assert len(json.loads(found.out)) == 1
    assert firstread("archive", "list", "--match", "PatientName=nobody").out == "No study.\n"


@pytest.mark.parametrize("match", ["StudyDate", "Nonsense=1"])
def test_a_key_that_is_none_ends_with_2(firstread, folder, match):
    assert firstread("archive", "list", "--match", match).code == 2


def test_a_refused_file_ends_with_4_and_the_others_are_stored(firstread, folder):
    (folder / "cut.dcm").write_bytes(encode(ct_series()[0])[:150])
    done = firstread("archive", "add", folder)
    assert done.code == 4
    assert "5 stored" in done.out
    assert "cut.dcm" in done.out


def test_other_bytes_under_one_uid_are_told(firstread, folder, tmp_path):
    firstread("archive", "add", folder)
    other = write(tmp_path / "other", ct_series(anatomy(3, 16, seed=1)))
    assert "kept apart" in firstread("archive", "add", other).out


def test_retention_needs_a_rule_and_keeps_what_is_unread(firstread, folder, monkeypatch):
    firstread("archive", "add", folder)
    assert firstread("archive", "retain").code == 2
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_FULL_PERCENT", "1")
    assert firstread("archive", "retain").out == "0 studies removed: 0 instances, 0 MiB.\n"


def test_a_database_that_is_away_ends_with_5_and_hides_the_password(firstread, folder, monkeypatch, tmp_path):
    monkeypatch.setenv("FIRSTREAD_DATABASE_URL", f"postgresql://me:secret@/none?host={tmp_path}")
    done = firstread("archive", "list")
    assert done.code == 5
    assert "database" in done.err
    assert "secret" not in done.err
