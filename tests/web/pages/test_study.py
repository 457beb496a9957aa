import pytest
import requests

from firstread.archive.models import Job, Study
from firstread.web import create_app
from tests.archive.samples import rows
from tests.network.dicomweb.conftest import running
from tests.web.pages.samples import Doors, add_studies

HTML = {"Accept": "text/html"}


@pytest.fixture
def url(archive):
    app = create_app(archive, keep_metadata=False)
    app.state.door = Doors()
    with running(app) as started:
        yield started


def finished(archive):
    return next(row for row in rows(archive, Job) if row.state == "done")


def test_the_report_of_a_result_is_served_without_a_way_out(archive, url):
    uids = add_studies(archive, 12)
    job = finished(archive)
    uid = next(row.study_uid for row in rows(archive, Study) if row.id == job.study_key)
    folder = archive.folder / "results" / uid / str(job.id)
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<style>b{}</style><b>AI preliminary, not verified</b>")
    answer = requests.get(f"{url}/studies/{uid}/results/{job.id}/report.html", timeout=10)
    assert "AI preliminary" in answer.text
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "script" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    others = [each for each in uids if each != uid]
    for path in (
        f"{uid}/results/{job.id}/report.pdf", f"{uid}/results/{job.id}/result.json",
        f"{uid}/results/{job.id}/..%2freport.html",
        f"{others[0]}/results/{job.id}/report.html", f"{uid}/results/999/report.html",
    ):  # fmt: skip
        assert requests.get(f"{url}/studies/{path}", timeout=10).status_code == 404


def test_a_study_is_held_and_let_go(archive, url):
    (uid,) = add_studies(archive, 1)
    for held in ("true", "false"):
        answer = requests.post(f"{url}/studies/{uid}/hold", data={"held": held}, timeout=10)
        assert answer.status_code == 204
        assert rows(archive, Study)[0].held is (held == "true")


def test_jobs_are_retried_cancelled_and_moved_from_their_page(archive, url):
    add_studies(archive, 30)
    by_state = {row.state: row.id for row in rows(archive, Job)}
    for act, job, data in (
        ("retry", by_state["failed"], {}),
        ("cancel", by_state["running"], {}),
        ("priority", by_state["waiting"], {"priority": "stat"}),
    ):
        back = {"back": "/jobs?state=failed"}
        answer = requests.post(
            f"{url}/jobs/{job}/{act}", data=data | back, headers=HTML, allow_redirects=False, timeout=10
        )
        assert (answer.status_code, answer.headers["Location"]) == (303, "/jobs?state=failed")
    now = {row.id: row for row in rows(archive, Job)}
    assert now[by_state["failed"]].state == "waiting"
    assert now[by_state["running"]].state == "cancelled"
    assert now[by_state["waiting"]].priority == 0
    for act, job in (("retry", by_state["done"]), ("cancel", by_state["done"]), ("burn", by_state["done"])):
        assert requests.post(f"{url}/jobs/{job}/{act}", timeout=10).status_code == 400


def test_a_form_leads_nowhere_else(archive, url):
    (uid,) = add_studies(archive, 1)
    for back in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        answer = requests.post(
            f"{url}/worklist/{uid}/claim",
            data={"back": back},
            headers=HTML,
            allow_redirects=False,
            timeout=10,
        )
        assert answer.headers["Location"] == "/"
