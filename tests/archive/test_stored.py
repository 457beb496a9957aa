from hashlib import sha256

import pytest

from firstread.archive import stored as module
from firstread.archive.stored import count_files, stored_files
from tests.archive.samples import instances


@pytest.mark.parametrize("portion", [1, 2, 3, 1000])
def test_every_file_is_named_once_however_they_are_taken(sqlite_archive, monkeypatch, portion):
    monkeypatch.setattr(module, "PORTION", portion)
    assert (list(stored_files(sqlite_archive.engine)), count_files(sqlite_archive.engine)) == ([], 0)
    receipts = [sqlite_archive.receive(instance) for instance in instances(3)]
    receipts.append(sqlite_archive.receive(instances(1, seed=1)[0]))  # a second version is a file too
    found = list(stored_files(sqlite_archive.engine))
    assert [each.name for each in found] == [receipt.file for receipt in receipts]
    assert count_files(sqlite_archive.engine) == 4
    for each in found:
        content = sqlite_archive.files.path(each.name).read_bytes()
        assert (each.size, each.digest) == (len(content), sha256(content).hexdigest())
