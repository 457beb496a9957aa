import os

import pytest

from firstread.archive.add import add_folder
from firstread.archive.models import Instance
from firstread.errors import UsageError
from tests.archive.samples import rows
from tests.dicom.ct_series import ct_series, encode, write


def test_every_dicom_file_of_a_folder_is_stored_and_the_rest_is_counted(sqlite_archive, tmp_path):
    made = ct_series()
    folder = write(tmp_path / "in", made, pattern="deep/er/{:04d}")
    (folder / "notes.txt").write_text("x" * 200)
    (folder / "empty").write_text("")
    (folder / "cut.dcm").write_bytes(encode(made[0])[:150])
    os.mkfifo(folder / "pipe")
    added = add_folder(sqlite_archive, folder)
    assert (added.stored, added.duplicates, added.conflicts, added.other_files) == (10, 0, 0, 2)
    ((file, reason),) = added.refused
    assert file.endswith("cut.dcm")
    assert "file meta information" in reason
    assert added.studies == (made[0].StudyInstanceUID,)
    assert {row.source for row in rows(sqlite_archive, Instance)} == {"import"}


def test_the_same_folder_again_adds_nothing(sqlite_archive, tmp_path):
    folder = write(tmp_path / "in", ct_series())
    add_folder(sqlite_archive, folder)
    again = add_folder(sqlite_archive, folder)
    assert (again.stored, again.duplicates) == (0, 10)


def test_one_file_is_stored_too(sqlite_archive, tmp_path):
    folder = write(tmp_path / "in", ct_series()[:1])
    assert add_folder(sqlite_archive, folder / "0000.dcm").stored == 1


def test_a_path_that_is_not_there_is_refused(sqlite_archive, tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        add_folder(sqlite_archive, tmp_path / "none")
