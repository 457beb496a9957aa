from firstread.service.worker_part import WorkerPart
from firstread.settings import Settings
from tests.workflow.samples import until


def test_a_worker_takes_work_until_it_is_stopped(archive, tmp_path):
    part = WorkerPart(archive, Settings(cache_dir=tmp_path / "cache"))
    try:
        until(lambda: part.wrong() is None)
        assert len(part.facts()["worker"]) == 32
        assert part.alive()
    finally:
        part.stop(0.0)
    assert part.wrong() == "takes no work"
