import os
import time

import pytest

from firstread.archive.store import new_name
from firstread.archive.verify import STRAY_AGE_S, FaultyFile, verify
from tests.archive.samples import instances


@pytest.fixture
def stored(archive):
    return [archive.receive(instance) for instance in instances(5)]


def test_a_whole_archive_is_sound(archive, stored):
    shares = []
    found = verify(archive, progress=lambda stage, share: shares.append(share))
    assert found.sound
    assert found.files == 5
    assert found.bytes == sum(path.stat().st_size for path in archive.folder.rglob("*.dcm"))
    assert shares[-1] == 1.0


def test_a_changed_a_shortened_and_a_missing_file_are_each_told(archive, stored):
    changed, shortened, missing = (archive.files.path(receipt.file) for receipt in stored[:3])
    content = bytearray(changed.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    shortened.write_bytes(shortened.read_bytes()[:-1])
    missing.unlink()
    found = verify(archive)
    assert not found.sound
    expected = zip(stored[:3], ("damaged", "damaged", "missing"), strict=True)
    assert set(found.faults) == {
        FaultyFile(receipt.sop_instance_uid, receipt.file, fault) for receipt, fault in expected
    }


def test_a_stray_is_told_and_removed_only_when_asked_and_old(archive, stored):
    old, young = (archive.files.folder / new_name("1.2", "1.3") for _ in range(2))
    for path in (old, young):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    past = time.time() - STRAY_AGE_S - 1
    os.utime(old, (past, past))
    names = tuple(sorted(path.relative_to(archive.files.folder).as_posix() for path in (old, young)))
    found = verify(archive)
    assert found.sound
    assert (found.strays, found.removed) == (names, 0)
    assert verify(archive, tidy=True).removed == 1
    assert young.exists()
    assert not old.exists()
    assert verify(archive).files == 5
