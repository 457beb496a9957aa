from firstread.archive.models import Instance
from firstread.archive.recovery import is_there_as_it_came
from firstread.archive.verify import verify
from tests.archive.samples import instances, rows


def test_a_file_is_as_it_came_only_with_its_own_data_set(sqlite_archive):
    sqlite_archive.receive(instances(1)[0])
    (row,) = rows(sqlite_archive, Instance)
    files = sqlite_archive.files

    def same():
        return is_there_as_it_came(files, row.file, row.size, row.dataset_digest)

    assert same()
    path = files.path(row.file)
    good = path.read_bytes()
    for bad in (good[:-1], bytes(len(good)), good[:-1] + bytes([good[-1] ^ 1])):
        path.write_bytes(bad)
        assert not same()
    path.unlink()
    assert not same()


def test_a_disk_that_cannot_flush_the_journal_leaves_neither_rows_nor_files(sqlite_archive, monkeypatch):
    import os

    import pytest

    from firstread.errors import ArchiveFull

    one, two = instances(2)
    sqlite_archive.receive(one)
    flush = os.fdatasync

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", full)
    with pytest.raises(ArchiveFull):
        sqlite_archive.receive(two)
    monkeypatch.setattr(os, "fdatasync", flush)
    found = verify(sqlite_archive)
    assert (found.sound, found.files, found.strays) == (True, 1, ())
    assert sqlite_archive.receive(two).outcome == "stored"
