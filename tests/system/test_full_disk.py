"""A disk that fills up: senders are told so, nothing acknowledged is lost, and all goes on when there is room."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from firstread.archive import open_archive
from firstread.archive.models import Instance, Job
from firstread.archive.verify import verify
from tests.archive.samples import rows
from tests.dicom.ct_series import anatomy, ct_series, write
from tests.system.fleet import nursery, settings_of
from tests.system.sender import Sender
from tests.system.whole_path import assert_read_and_delivered_once, reading_and_sending, small_studies
from tests.waiting import free_port, wait_for

DISK_MIB, ROOM_MIB = 24, 3
REFUSED = "Refused: OutOfResources"


@pytest.fixture
def small_disk(tmp_path):
    """A folder, and the command within which a small file system is mounted there; it goes with its processes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    within = ["unshare", "--mount", "sh", "-c"]
    within += [f'mount -t tmpfs -o size={DISK_MIB}m tmpfs "{folder}" && exec "$@"', "sh"]
    if os.getuid() != 0 or subprocess.run([*within, "true"], capture_output=True).returncode != 0:
        pytest.skip("only root can mount a file system, and not everywhere")
    return folder, within


def test_senders_are_told_that_there_is_no_room_and_lose_nothing(
    tmp_path, small_disk, database_url, debian_tool
):
    folder, within = small_disk
    files = sorted(write(tmp_path / "series", ct_series(anatomy(300, 64))).glob("*.dcm"))
    port = free_port()
    with nursery(tmp_path, settings_of(folder / "archive", database_url), within=within) as forks:
        node = forks.server("scp", "serve", "--role", "scp", FIRSTREAD_DICOM_PORT=str(port))
        disk = forks.seen(folder)
        wait_for(lambda: "listens" in node.log)
        ballast = fill(disk, ROOM_MIB)
        with Sender(
            debian_tool("storescu"), lambda: ("127.0.0.1", port), [[file] for file in files]
        ) as sender:
            wait_for(lambda: sender.answers[REFUSED] >= 5, 60)
            before = len(sender.acknowledged)
            assert 0 < before < len(files)
            ballast.unlink()
            wait_for(lambda: sender.done, 60)
        assert set(sender.answers) == {"Success", REFUSED}
        assert sender.answers["Success"] == len(files)
        assert node.kills == 0 and node.runs
        node.end()
        shutil.copytree(disk / "archive", tmp_path / "copy")  # SQLite opens nothing under /proc
    with open_archive(tmp_path / "copy", url=database_url) as archive:
        assert verify(archive).sound
        assert len(rows(archive, Instance)) == len(files)
        assert len(list(archive.files.names())) == len(files)


@pytest.mark.timeout(180)
def test_a_read_that_finds_no_room_for_its_result_is_tried_again_and_ends_well(
    tmp_path, small_disk, database_url, debian_tool, storescp, ball_reader
):
    folder, within = small_disk
    port, delivered = storescp
    studies, own_port = small_studies(tmp_path / "studies", count=1), free_port()
    word = tmp_path / "word"
    word.write_text("wait")
    settings = settings_of(folder / "archive", database_url) | reading_and_sending(port)
    settings |= {"BALL_READER": f"@{word}", "FIRSTREAD_DICOM_PORT": str(own_port)}
    with nursery(tmp_path, settings, within=within, sites=[ball_reader]) as forks:
        node = forks.server("node", "serve", "--role", "scp", "--role", "worker")
        wait_for(lambda: "listens" in node.log)
        disk = forks.seen(folder)
        with Sender(debian_tool("storescu"), lambda: ("127.0.0.1", own_port), studies) as sender:
            sender.finish()
        results = disk / "archive" / "results"
        wait_for(results.is_dir, 60)  # the read has begun
        ballast = fill(disk, 0)
        word.write_text("")
        # The archive's database may be full too, so that not even that can be written down.
        wait_for(
            lambda: "waits for room" in node.log or "disk of the archive's database is full" in node.log, 60
        )
        assert not any(results.glob("*/*/result.json"))
        ballast.unlink()
        wait_for(lambda: any(results.glob("*/*/result.json")) and "done" in node.log, 90)
        wait_for(lambda: len(list(delivered.iterdir())) == 2)
        assert node.runs
        node.end()
        shutil.copytree(disk / "archive", tmp_path / "copy")
    with open_archive(tmp_path / "copy", url=database_url) as archive:
        (job,) = rows(archive, Job)
        assert job.state == "done"
        assert_read_and_delivered_once(archive, studies, delivered)


def fill(disk: Path, leave_mib: int) -> Path:
    """Fill a file system but for so many MiB; return the file that does."""
    ballast = disk / "ballast"
    with ballast.open("wb") as stream:
        stream.write(bytes(free_bytes(disk) - (leave_mib << 20)))
    return ballast


def free_bytes(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize
