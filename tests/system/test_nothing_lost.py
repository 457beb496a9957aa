"""A node that is killed again and again: what was acknowledged is kept, once, as it was sent, and read once."""

import itertools
import json
from contextlib import ExitStack

import pytest
from pydicom import dcmread

from firstread.archive import OWN_SOURCE, open_archive
from firstread.archive.models import Delivery, Instance, Job, Result, Study
from firstread.archive.verify import verify
from tests.archive.samples import rows
from tests.dicom.ct_series import anatomy, ct_series, write
from tests.system.fleet import kill_at_random, nursery, settings_of
from tests.system.sender import Sender
from tests.waiting import free_port, wait_for

KILLS = 50
SR, PDF = "1.2.840.10008.5.1.4.1.1.88.34", "1.2.840.10008.5.1.4.1.1.104.1"


def small_studies(folder, *, count, slices, side):
    """Files of several small studies, by study."""
    return [
        sorted(write(folder / str(n), ct_series(anatomy(slices, side, seed=n), study=n)).glob("*.dcm"))
        for n in range(1, count + 1)
    ]


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


def whole_path(port):
    """Settings with which every CT is read by the ball reader and sent to a node at this port."""
    route = {"name": "all", "reader": "ball", "when": {"modality": "CT"}, "destinations": ["pacs"]}
    return {
        "FIRSTREAD_ROUTES": json.dumps([route]),
        "FIRSTREAD_DESTINATIONS": json.dumps({"pacs": f"ELSEWHERE@127.0.0.1:{port}"}),
        "FIRSTREAD_STUDY_QUIET_S": "2",
        "FIRSTREAD_JOB_ATTEMPTS": "100",
    }


@pytest.mark.timeout(300)
def test_a_node_and_its_workers_that_are_killed_fifty_times_read_and_deliver_every_study_once(
    tmp_path, database_url, debian_tool, storescp, ball_reader
):
    slices = 12
    studies = small_studies(tmp_path / "studies", count=200, slices=slices, side=32)
    delivered_to, delivered = storescp
    settings = settings_of(tmp_path / "archive", database_url) | whole_path(delivered_to)
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
        begun = len(sender.begun)
        wait_for(lambda: is_quiet(archive, begun), 120)
        for server in forks.servers:
            server.end()
        assert set(sender.answers) == {"Success"}
        assert verify(archive).sound
        assert_read_once(archive, studies[:begun], slices)
        assert_delivered_once(archive, delivered)


def is_quiet(archive, studies):
    """Whether so many studies are read and delivered, and nothing waits."""
    jobs, deliveries = rows(archive, Job), rows(archive, Delivery)
    routed = all(study.routed_at == study.last_received_at for study in rows(archive, Study))
    ended = all(job.state in ("done", "failed") for job in jobs)
    return (
        routed
        and ended
        and len({job.study_key for job in jobs}) == studies
        and all(delivery.state == "sent" for delivery in deliveries)
    )


def assert_read_once(archive, studies, slices):
    """Every image is there; of each study the last job read all of it, and no two the same; a job has one result."""
    jobs = rows(archive, Job)
    assert {job.state for job in jobs} == {"done"}
    assert sorted(result.job_key for result in rows(archive, Result)) == sorted(job.id for job in jobs)
    for study in rows(archive, Study):
        own = sorted((job for job in jobs if job.study_key == study.id), key=lambda job: job.revision)
        assert own[-1].images == slices
        assert len({job.content for job in own}) == len(own)
    received = [row for row in rows(archive, Instance) if row.source != OWN_SOURCE]
    assert len(received) == sum(map(len, studies))


def assert_delivered_once(archive, delivered):
    """What lies at the destination is what the results are, and each result has one SR and one PDF."""
    there = [dcmread(path, stop_before_pixels=True) for path in delivered.iterdir()]
    results = rows(archive, Result)
    for sop_class in (SR, PDF):
        own = {row.sop_instance_uid for row in rows(archive, Instance) if row.sop_class_uid == sop_class}
        assert {each.SOPInstanceUID for each in there if each.SOPClassUID == sop_class} == own
        assert len(own) == len(results)
