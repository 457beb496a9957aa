import pytest

from firstread.archive import open_archive
from firstread.archive.archive import DATABASE, archive_of
from firstread.errors import ArchiveUnavailable
from firstread.settings import Settings
from tests.archive.samples import file_names, instances


def test_what_was_received_is_there_when_it_is_opened_again(tmp_path, database_url):
    with open_archive(tmp_path / "archive", url=database_url) as archive:
        receipt = archive.receive(instances(1)[0])
    with open_archive(tmp_path / "archive", url=database_url) as again:
        assert file_names(again) == {receipt.file}
        assert again.files.path(receipt.file).is_file()


def test_a_closed_archive_leaves_nothing_of_this_process(tmp_path):
    archive = open_archive(tmp_path / "archive")
    archive.receive(instances(1)[0])
    archive.close()
    archive.close()
    for folder in ("incoming", "journal"):
        assert list((tmp_path / "archive" / folder).iterdir()) == []


def test_the_settings_say_where_it_is(tmp_path):
    for settings, folder in (
        (Settings(data_dir=tmp_path / "data"), tmp_path / "data" / "archive"),
        (Settings(data_dir=tmp_path / "data", archive_dir=tmp_path / "other"), tmp_path / "other"),
    ):
        with archive_of(settings) as archive:
            assert archive.folder == folder
            assert (folder / DATABASE).is_file()


def test_one_that_cannot_be_opened_leaves_no_folder_of_this_process(tmp_path):
    with pytest.raises(ArchiveUnavailable):
        open_archive(tmp_path / "archive", url=f"sqlite:///{tmp_path / 'nowhere' / 'file.sqlite'}")
    assert list(tmp_path.glob("archive/incoming/*")) == []
