import pytest
import requests

from firstread.errors import ArchiveFull, ArchiveUnavailable, FirstreadError, RefusedInput, UsageError
from firstread.network.dicomweb.problems import Problem, missing, not_acceptable, status_of
from firstread.web import create_app
from tests.network.dicomweb.conftest import running


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Problem(418, "x"), 418),
        (missing(), 404),
        (not_acceptable("a/b"), 406),
        (ArchiveFull("x", remedy="y"), 507),
        (ArchiveUnavailable("x", remedy="y"), 503),
        (UsageError("x", remedy="y"), 400),
        (RefusedInput("x", remedy="y"), 409),
        (FirstreadError("x", remedy="y"), 500),
    ],
)
def test_every_failure_has_its_status_and_one_form(sqlite_archive, error, status):
    assert status_of(error) == status
    app = create_app(sqlite_archive, keep_metadata=False)

    @app.get("/fails")
    def fails():
        raise error

    with running(app) as url:
        answer = requests.get(f"{url}/fails", timeout=10)
    assert (answer.status_code, answer.json()) == (status, {"error": error.message, "remedy": error.remedy})
    assert answer.headers.get("Retry-After") == ("10" if status == 503 else None)


def test_what_is_asked_wrongly_is_named_and_not_repeated(web):
    answer = web.get("/studies?limit=Doe")
    assert answer.status_code == 400
    assert "limit" in answer.json()["error"]
    assert "Doe" not in answer.text
    assert web.get("/nothing").json() == {"error": "Not Found", "remedy": ""}
