"""The whole way: a study comes, its prior is fetched from a PACS and read first, and the two are compared."""

from firstread.archive.models import Delivery, Job, Study
from firstread.network import Peer
from firstread.network.outgoing import files_of_folder
from firstread.network.scu import Caller
from firstread.settings import Settings
from firstread.workflow.result_folder import load_result
from firstread.workflow.worker import Worker
from tests.archive.samples import instances, rows
from tests.network.conftest import free_port
from tests.workflow.priors.samples import keep, uid
from tests.workflow.samples import until


def chest(number, date):
    """A study that is large enough to be read, made on a day."""

    def change(ds):
        ds.StudyDate, ds.PatientBirthDate = date, "19600101"

    return instances(12, size=32, study=number, change=change)


def compared_with(archive, number):
    """The study that the only result of a study was compared with."""
    (folder,) = (archive.folder / "results" / uid(number)).iterdir()
    return load_result(folder).prior.study_uid


def test_a_prior_is_fetched_read_first_and_compared_with(archive, orthanc, tmp_path, told):
    pacs = orthanc(free_port())
    folder, outbox = tmp_path / "studies", tmp_path / "outbox"
    folder.mkdir(), outbox.mkdir()
    for n, each in enumerate(chest(1, "20230101")):
        (folder / f"{n}.dcm").write_bytes(each.header + bytes(each.dataset))
    Caller("CT1").send(Peer("ORTHANC", "127.0.0.1", pacs.port), files_of_folder(folder))
    settings = Settings(
        archive_dir=archive.folder,
        cache_dir=tmp_path / "cache",
        study_quiet_s=0.0,
        prior_source="pacs",
        destinations={"pacs": f"ORTHANC@127.0.0.1:{pacs.port}", "files": f"folder:{outbox}"},
        routes=[{"name": "CT", "reader": "ball", "destinations": "files", "when": {"source": "CT1"}}],
    )
    keep(archive, chest(2, "20240101"))
    with Worker(archive, settings):
        jobs = until(
            lambda: (each := rows(archive, Job)) and all(job.state == "done" for job in each) and each
        )
        until(lambda: all(study.routed_at == study.last_received_at for study in rows(archive, Study)))
        until(lambda: all(row.state == "sent" for row in rows(archive, Delivery)))
        pacs("/tools/shutdown", {})
        keep(archive, chest(3, "20250101"))
        until(lambda: len(each := rows(archive, Job)) == 3 and each[-1].state == "done")
    current, prior = jobs
    assert prior.destinations == "[]"
    assert prior.ended_at < current.ended_at
    assert compared_with(archive, 2) == uid(1)
    assert compared_with(archive, 3) == uid(2)  # though nobody could be asked for another
