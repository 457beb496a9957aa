"""Connections, networks and databases that go away in the middle: told right, nothing lost, all well by itself."""

import sqlite3
from random import Random

import psutil
import pytest

from firstread.archive import open_archive
from firstread.archive.models import Instance, Study
from firstread.archive.verify import verify
from tests.archive.samples import rows
from tests.dicom.ct_series import anatomy, ct_series, write
from tests.system.fleet import nursery, settings_of
from tests.system.hosts import two_hosts
from tests.system.proxy import Proxy, to_port
from tests.system.sender import Sender
from tests.waiting import free_port, wait_for

CUTS, SLICES = 24, 200
REFUSED = "Refused: OutOfResources"
SCP = ("serve", "--role", "scp")


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """Files of one series, by association."""
    files = sorted(write(tmp_path_factory.mktemp("series"), ct_series(anatomy(SLICES, 64))).glob("*.dcm"))
    return [files[start : start + 20] for start in range(0, SLICES, 20)]


def assert_stored_once(tmp_path, url=None):
    with open_archive(tmp_path / "archive", url=url) as archive:
        assert verify(archive).sound
        assert len(rows(archive, Instance)) == SLICES
        assert rows(archive, Study)[0].conflicts == 0


def test_connections_that_are_cut_anywhere_leave_nothing_half_stored_and_nothing_open(
    tmp_path, series, debian_tool
):
    chance = Random(3)
    # 20 instances of 9 kB an association, so that most are cut inside a PDU of a data set.
    cuts = [(chance.randint(1, 100_000), chance.choice(["reset", "close", "silent"])) for _ in range(CUTS)]
    port = str(free_port())
    with nursery(tmp_path, settings_of(tmp_path / "archive", None)) as forks:
        node = forks.server("scp", *SCP, FIRSTREAD_DICOM_PORT=port, FIRSTREAD_DICOM_IDLE_S="2")
        process = psutil.Process(node.pid)
        wait_for(lambda: "listens" in node.log)
        idle = process.num_threads()
        with (
            Proxy(to_port(int(port)), lambda: cuts.pop() if cuts else None) as proxy,
            Sender(debian_tool("storescu"), lambda: ("127.0.0.1", proxy.port), series) as sender,
        ):
            wait_for(lambda: sender.done and not cuts, 90)
            # Of those that went silent the node is never told; it lets go of them by itself.
            wait_for(lambda: process.num_threads() <= idle and len(process.net_connections()) == 1)
        assert proxy.cuts == CUTS
        assert set(sender.answers) == {"Success"}
        node.end()
    assert_stored_once(tmp_path)


def test_a_cable_that_is_pulled_and_put_back_loses_nothing(tmp_path, series, debian_tool):
    storescu = debian_tool("storescu")
    with (
        two_hosts() as cable,
        nursery(tmp_path, settings_of(tmp_path / "archive", None), within=cable.within(0)) as forks,
    ):
        node = forks.server(
            "scp", *SCP,
            FIRSTREAD_DICOM_HOST=cable.addresses[0], FIRSTREAD_DICOM_PORT="11112", FIRSTREAD_DICOM_IDLE_S="1",
        )  # fmt: skip
        process = psutil.Process(node.pid)
        wait_for(lambda: "listens" in node.log)
        idle = process.num_threads()
        address = (cable.addresses[0], 11112)
        with Sender(storescu, lambda: address, series, within=cable.within(1)) as sender:
            for share in (0.1, 0.5):
                wait_for(lambda share=share: len(sender.acknowledged) > share * SLICES)
                cable.pull()
                assert process.num_threads() > idle
                wait_for(lambda: process.num_threads() <= idle)  # the node has given the association up
                cable.plug()
            wait_for(lambda: sender.done, 60)
        assert set(sender.answers) == {"Success"}
        assert node.kills == 0 and node.runs
        node.end()
    assert_stored_once(tmp_path)


def test_a_database_that_crashes_and_returns_refuses_for_now_and_loses_nothing(
    tmp_path, series, debian_tool, postgres_server, postgres_url
):
    port = free_port()
    with nursery(tmp_path, settings_of(tmp_path / "archive", postgres_url)) as forks:
        node = forks.server("scp", *SCP, FIRSTREAD_DICOM_PORT=str(port))
        with Sender(debian_tool("storescu"), lambda: ("127.0.0.1", port), series) as sender:
            for share in (0.1, 0.5):
                wait_for(lambda share=share: len(sender.acknowledged) > share * SLICES)
                before = sender.answers[REFUSED]
                postgres_server.stop()
                try:
                    wait_for(lambda before=before: sender.answers[REFUSED] > before + 2, 60)
                finally:
                    postgres_server.start()
            wait_for(lambda: sender.done, 60)
        assert set(sender.answers) == {"Success", REFUSED}
        assert node.kills == 0 and node.runs
        node.end()
    assert_stored_once(tmp_path, postgres_url)


def test_a_database_file_that_another_process_holds_makes_senders_wait_and_no_more(
    tmp_path, series, debian_tool
):
    port = free_port()
    with nursery(tmp_path, settings_of(tmp_path / "archive", None)) as forks:
        node = forks.server("scp", *SCP, FIRSTREAD_DICOM_PORT=str(port))
        with Sender(debian_tool("storescu"), lambda: ("127.0.0.1", port), series) as sender:
            wait_for(lambda: sender.acknowledged)
            other = sqlite3.connect(tmp_path / "archive" / "archive.sqlite", isolation_level=None, timeout=30)
            other.execute("BEGIN EXCLUSIVE")
            held = wait_for(lambda: stands_still(sender))
            assert held < SLICES
            other.execute("ROLLBACK")
            other.close()
            wait_for(lambda: sender.done, 60)
        assert set(sender.answers) == {"Success"}
        node.end()
    assert_stored_once(tmp_path)


def stands_still(sender):
    """How many answers there were, where for half a second there was none."""
    before = sender.answers.total()
    try:
        wait_for(lambda: sender.answers.total() > before, 0.5)
    except AssertionError:
        return before
    return None
