import logging

import pytest
import requests
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from firstread.web.guard import Guard
from tests.network.dicomweb.conftest import running


@pytest.fixture
def url():
    app = FastAPI()
    app.add_middleware(Guard)

    @app.get("/works")
    def works():
        return "yes"

    @app.get("/fails")
    def fails():
        raise RuntimeError("Doe^Jane")

    @app.get("/breaks")
    def breaks():
        def pieces():
            yield b"begun"
            raise RuntimeError("Doe^Jane")

        return StreamingResponse(pieces())

    with running(app) as started:
        yield started


def test_every_answer_says_that_it_is_private(url):
    for path in ("/works", "/nothing", "/fails"):
        headers = requests.get(url + path, timeout=10).headers
        assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")


def test_a_failure_is_told_and_logged_by_its_kind_alone(url, caplog):
    with caplog.at_level(logging.DEBUG):
        answer = requests.get(f"{url}/fails", timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (500, "firstread failed.")
    assert "RuntimeError" in caplog.text
    assert "Doe" not in caplog.text + answer.text


def test_an_answer_that_had_begun_is_cut_off(url, caplog):
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(f"{url}/breaks", timeout=10)
    assert "Doe" not in caplog.text
