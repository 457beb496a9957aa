"""A node that is killed again and again: what was acknowledged is kept, once, as it was sent."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest
from pydicom import dcmread

from firstread.archive import open_archive
from firstread.archive.models import Instance, Study
from firstread.archive.verify import verify
from tests.archive.samples import rows
from tests.dicom.ct_series import anatomy, ct_series, write
from tests.system.fleet import kill_at_random, nursery, settings_of
from tests.system.sender import Sender
from tests.waiting import free_port

STUDIES, SLICES = 12, 40
KILLS = 50


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """Files of several small studies, by study."""
    folder = tmp_path_factory.mktemp("studies")
    return [
        sorted(write(folder / str(n), ct_series(anatomy(SLICES, 16, seed=n), study=n)).glob("*.dcm"))
        for n in range(1, STUDIES + 1)
    ]


@pytest.mark.timeout(240)
def test_two_nodes_on_one_archive_that_are_killed_fifty_times_lose_nothing(
    tmp_path, database_url, studies, debian_tool: Callable[[str], str]
):
    storescu = debian_tool("storescu")
    with nursery(tmp_path, settings_of(tmp_path / "archive", database_url)) as forks, ExitStack() as senders:
        nodes = [
            forks.server(
                f"scp{n}", "serve", "--role", "scp", "--quiet", FIRSTREAD_DICOM_PORT=str(free_port())
            )
            for n in range(2)
        ]
        sending = []
        for n, node in enumerate(nodes):
            address = ("127.0.0.1", int(node.environment["FIRSTREAD_DICOM_PORT"]))
            files = [file for study in studies[n::2] for file in study]
            sending.append(senders.enter_context(Sender(storescu, lambda a=address: a, files)))
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
