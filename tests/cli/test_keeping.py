import json

import pytest

from tests.dicom.ct_series import anatomy, ct_series, write


@pytest.fixture
def stored(firstread, tmp_path, monkeypatch):
    """The archive's folder, with three instances in it."""
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "archive"))
    firstread("archive", "add", write(tmp_path / "in", ct_series(anatomy(3, 16))))
    return tmp_path / "archive"


def test_a_backup_is_made_restored_and_verified(firstread, stored, tmp_path, monkeypatch):
    made = firstread("backup", tmp_path / "backup")
    assert (made.code, "3 of them copied now" in made.out) == (0, True)
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "new"))
    assert firstread("restore", tmp_path / "backup").code == 0
    assert firstread("verify").out == "3 files, 0 MiB: every one is as it came.\n"


def test_a_damaged_file_ends_with_5_and_is_named(firstread, stored):
    path = next(stored.rglob("*.dcm"))
    path.write_bytes(b"x" + path.read_bytes()[1:])
    done = firstread("verify")
    assert done.code == 5
    assert path.name in done.out
    told = json.loads(firstread("verify", "--json").out)
    assert not told["sound"]
    assert [fault["fault"] for fault in told["faults"]] == ["damaged"]


def test_a_backup_that_lacks_a_file_ends_with_5(firstread, stored, tmp_path):
    next(stored.rglob("*.dcm")).unlink()
    done = firstread("backup", tmp_path / "backup", "--json")
    assert done.code == 5
    assert [fault["fault"] for fault in json.loads(done.out)["faults"]] == ["missing"]


def test_restoring_what_is_no_backup_or_over_an_archive_ends_with_2(firstread, stored, tmp_path):
    assert firstread("restore", tmp_path / "in").code == 2
    firstread("backup", tmp_path / "backup", "--quiet")
    done = firstread("restore", tmp_path / "backup")
    assert done.code == 2
    assert "not empty" in done.err


def test_quiet_says_nothing(firstread, stored, tmp_path):
    assert firstread("verify", "--quiet") == (0, "", "")
    assert firstread("backup", tmp_path / "backup", "--quiet") == (0, "", "")
