"""A disk that fills up: senders are told so, nothing acknowledged is lost, and all goes on when there is room."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from firstread.archive import open_archive
from firstread.archive.models import Instance
from firstread.archive.verify import verify
from tests.archive.samples import rows
from tests.dicom.ct_series import anatomy, ct_series, write
from tests.system.fleet import nursery, settings_of
from tests.system.sender import Sender
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
        ballast = disk / "ballast"
        with ballast.open("wb") as stream:
            stream.write(bytes(free_bytes(disk) - (ROOM_MIB << 20)))
        with Sender(debian_tool("storescu"), lambda: ("127.0.0.1", port), files, again=False) as sender:
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


def free_bytes(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize
