"""What is acknowledged is kept, whatever happens to the process or the disk."""

import os
import random
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from firstread.archive import open_archive
from firstread.archive.models import Instance, Study
from firstread.archive.verify import digest_of, verify
from firstread.errors import ArchiveFull, ArchiveUnavailable
from tests.archive.samples import instances, rows
from tests.dicom.ct_series import anatomy, ct_series, write

WRITER = Path(__file__).parent / "writer.py"
KILLS = 4


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Many small files, by SOP Instance UID."""
    made = ct_series(anatomy(160, 16))
    folder = write(tmp_path_factory.mktemp("files"), made)
    return {ds.SOPInstanceUID: folder / f"{n:04d}.dcm" for n, ds in enumerate(made)}


def killed_writer(folder, url, files, after, delay_s):
    """Run a writer, kill it a moment after so many acknowledgements, and return what it acknowledged."""
    command = [sys.executable, str(WRITER), str(folder), url or "", *map(str, files)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as writer:
        told = []
        timer = threading.Timer(delay_s, writer.kill)
        for line in writer.stdout:
            if line.endswith("\n"):  # one that is cut off is no answer
                told.append(line.strip())
            if len(told) == after:
                timer.start()
    timer.cancel()
    assert writer.returncode == -9
    return set(told)


@pytest.mark.timeout(120)
def test_everything_acknowledged_before_a_kill_is_there_and_nothing_half_written(
    tmp_path, database_url, files
):
    chance = random.Random(7)
    folder = tmp_path / "archive"
    acknowledged = set()
    for _ in range(KILLS):
        left = [path for uid, path in files.items() if uid not in acknowledged]
        acknowledged |= killed_writer(
            folder, database_url, left, chance.randint(1, 24), chance.uniform(0, 0.03)
        )
    with open_archive(folder, url=database_url) as archive:
        found = verify(archive)
        stored = {row.sop_instance_uid: row for row in rows(archive, Instance)}
        assert found.sound
        assert acknowledged
        assert acknowledged <= set(stored)
        for uid, row in stored.items():
            assert digest_of(files[uid]) == row.file_digest == digest_of(archive.files.path(row.file))
        assert rows(archive, Study)[0].number_of_instances == len(stored)
        # What was being written is swept when the archive is next opened; only this opening's folder is left.
        assert [list(path.iterdir()) for path in (folder / "incoming").iterdir()] == [[]]


def test_a_full_disk_refuses_by_name_and_leaves_nothing_behind(sqlite_archive):
    small, large = instances(1, size=16)[0], instances(1, size=256, series=2)[0]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    sqlite_archive.receive(small)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
    try:
        with pytest.raises(ArchiveFull, match="full"):
            sqlite_archive.receive(large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path for path in sqlite_archive.folder.rglob("incoming/*/*")] == []
    assert len(list(sqlite_archive.files.names())) == 1
    assert sqlite_archive.receive(large).outcome == "stored"
    assert verify(sqlite_archive).sound


def test_a_database_that_cannot_grow_acknowledges_nothing(sqlite_archive):
    first, *more = instances(60, size=16)
    sqlite_archive.receive(first)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = sqlite_archive.folder / "archive.sqlite-wal"
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 20_000, hard))
    acknowledged = [first]
    try:
        with pytest.raises(ArchiveUnavailable):
            for instance in more:
                sqlite_archive.receive(instance)
                acknowledged.append(instance)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    found = verify(sqlite_archive)
    assert found.sound
    assert found.files == len(acknowledged) < 60
    for instance in more:
        sqlite_archive.receive(instance)
    assert verify(sqlite_archive).files == 60


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only root can mount a file system, and not everywhere")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_fills_up_keeps_what_was_acknowledged_and_goes_on_when_there_is_room(small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(300_000))
    sent = instances(150, size=64)
    with open_archive(small_disk / "archive") as archive:
        acknowledged = []
        with pytest.raises(ArchiveFull):
            for instance in sent:
                acknowledged.append(archive.receive(instance))
        found = verify(archive)
        assert found.sound
        assert found.files == len(acknowledged) > 0
        ballast.unlink()
        assert archive.receive(sent[len(acknowledged)]).outcome == "stored"
        assert verify(archive).sound
