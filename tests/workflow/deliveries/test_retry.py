import shutil
from contextlib import ExitStack

import pytest
from sqlalchemy import insert, select
from starlette.responses import Response

from firstread.archive.database import writing
from firstread.archive.models import Delivery, Job, Result, Study
from firstread.workflow.deliveries import list_deliveries, retry_deliveries
from firstread.workflow.worker import Worker
from tests.workflow.samples import until


@pytest.fixture
def worker(archive):
    """A function that starts a worker with destinations and the result, on its way to each of them."""

    with ExitStack() as running:

        def start(result_folder, settings):
            shutil.copytree(result_folder, archive.folder / "results" / "1")
            with writing(archive.engine) as connection:
                study = connection.execute(select(Study.id)).scalar_one()
                job = (
                    insert(Job).values(study_key=study, reader="lung_nodule", state="done").returning(Job.id)
                )
                values = {
                    "job_key": connection.execute(job).scalar_one(),
                    "folder": "results/1",
                    "digest": "0" * 64,
                }
                result = connection.execute(insert(Result).values(values).returning(Result.id)).scalar_one()
                for name in settings.destinations:
                    connection.execute(
                        insert(Delivery).values(result_key=result, destination=name, document="result.json")
                    )
            running.enter_context(Worker(archive, settings))

        yield start


def until_all_are(archive, state):
    return until(
        lambda: {each.state for each in list_deliveries(archive)} == {state} and list_deliveries(archive)
    )


def test_what_was_refused_waits_for_a_person_and_then_arrives(
    archive, worker, settings_of, receiver, result_folder
):
    receiver.answers = [Response(status_code=404)]
    worker(result_folder, settings_of(secrets={"ris": "k" * 16}, ris=f"webhook:{receiver.url}"))
    (failed,) = until_all_are(archive, "failed")
    assert (failed.attempts, "status 404" in failed.error) == (1, True)
    assert retry_deliveries(archive) == (failed.id,)
    until_all_are(archive, "sent")
    assert len({headers["idempotency-key"] for _, _, headers, _ in receiver.got}) == 1
    assert len(receiver.got) == 2


def test_what_waits_for_its_next_try_can_be_tried_at_once(
    archive, worker, settings_of, result_folder, tmp_path
):
    share = tmp_path / "share"
    worker(result_folder, settings_of(share=f"folder:{share}"))
    (waiting,) = until(lambda: [each for each in list_deliveries(archive) if each.next_try_at])
    assert (waiting.state, waiting.attempts) == ("waiting", 1)
    share.mkdir()
    retry_deliveries(archive, [waiting.id])
    until_all_are(archive, "sent")
    (result,) = share.rglob("result.json")
    assert len(list(result.parent.iterdir())) == len(list(result_folder.iterdir()))
