from firstread.service.worker_part import WorkerPart
from firstread.settings import Settings
from tests.workflow.samples import until


def test_a_worker_takes_work_until_it_is_stopped(archive, tmp_path):
    part = WorkerPart(archive, Settings(cache_dir=tmp_path / "cache", destinations={"pacs": "PACS@10.0.0.5"}))
    try:
        until(lambda: part.wrong() is None)
        assert part.facts() | {"worker": ""} == {"worker": "", "routes": [], "destinations": ["pacs"]}
        assert part.alive()
    finally:
        part.stop(0.0)
    assert part.wrong() == "takes no work"
