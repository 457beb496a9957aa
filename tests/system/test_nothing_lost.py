"""A node that is killed again and again: what was acknowledged is kept, once, as it was sent, and read once."""

import itertools
from contextlib import ExitStack

import pytest
from pydicom import dcmread

from firstread.archive import open_archive
from firstread.archive.models import Instance, Result, Study
from firstread.archive.verify import verify
from tests.archive.samples import rows
from tests.system.fleet import kill_at_random, nursery, settings_of
from tests.system.sender import Sender
from tests.system.whole_path import (
    assert_read_and_delivered_once,
    is_over,
    reading_and_sending,
    small_studies,
)
from tests.waiting import free_port, wait_for

KILLS = 50


@pytest.mark.timeout(240)
def test_two_nodes_on_one_archive_that_are_killed_fifty_times_lose_nothing(
    tmp_path, database_url, debian_tool
):
    studies = small_studies(tmp_path / "studies", count=12, slices=40, side=16)
    with nursery(tmp_path, settings_of(tmp_path / "archive", database_url)) as forks, ExitStack() as senders:
        sending, nodes = [], []
        for n in range(2):
            address = ("127.0.0.1", free_port())
            node = forks.server(f"scp{n}", "serve", "--role", "scp", FIRSTREAD_DICOM_PORT=str(address[1]))
            sender = Sender(debian_tool("storescu"), lambda a=address: a, itertools.cycle(studies[n::2]))
            nodes.append(node)
            sending.append(senders.enter_context(sender))
        kill_at_random(
            nodes, KILLS, seed=7, progress=lambda: sum(each.answers["Success"] for each in sending)
        )
        senders.close()
        acknowledged = set.union(*(each.acknowledged for each in sending))
        assert {answer for each in sending for answer in each.answers} == {"Success"}
    with open_archive(tmp_path / "archive", url=database_url) as archive:
        found = verify(archive)
        stored = {row.sop_instance_uid: row for row in rows(archive, Instance)}
        assert found.sound
        assert len(acknowledged) > KILLS
        for file in acknowledged:
            sent = dcmread(file)
            assert dcmread(archive.files.path(stored[sent.SOPInstanceUID].file)) == sent
        assert sum(study.conflicts for study in rows(archive, Study)) == 0
        assert len(stored) == sum(study.number_of_instances for study in rows(archive, Study))
        assert [list(path.iterdir()) for path in (tmp_path / "archive" / "incoming").iterdir()] == [[]]


@pytest.mark.timeout(300)
def test_a_node_and_its_workers_that_are_killed_fifty_times_read_and_deliver_every_study_once(
    tmp_path, database_url, debian_tool, storescp, ball_reader
):
    studies = small_studies(tmp_path / "studies", count=200)
    delivered_to, delivered = storescp
    settings = settings_of(tmp_path / "archive", database_url) | reading_and_sending(delivered_to)
    port = free_port()
    with (
        nursery(tmp_path, settings, sites=[ball_reader]) as forks,
        open_archive(tmp_path / "archive", url=database_url) as archive,
    ):
        scp = forks.server("scp", "serve", "--role", "scp", FIRSTREAD_DICOM_PORT=str(port))
        workers = [forks.server(f"worker{n}", "serve", "--role", "worker") for n in range(2)]
        with Sender(debian_tool("storescu"), lambda: ("127.0.0.1", port), studies) as sender:
            # A worker costs more to start, so that it is killed less often.
            kill_at_random(
                [*[scp] * 3, *workers],
                KILLS,
                seed=11,
                progress=lambda: sender.answers["Success"] + len(rows(archive, Result)),
            )
            sender.finish()
        wait_for(lambda: is_over(archive, len(sender.begun)), 120)
        for server in forks.servers:
            server.end()
        assert set(sender.answers) == {"Success"}
        assert_read_and_delivered_once(archive, sender.begun, delivered)
