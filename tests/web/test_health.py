"""The health checks, asked over HTTP."""

import threading
from contextlib import contextmanager

import pytest
import requests

from firstread.web import health as module
from firstread.web.health import Health, create_health_app
from firstread.web.listen import listen, service


@contextmanager
def asked(checks):
    """A function that asks a server with these checks."""
    socket = listen("127.0.0.1", 0)
    server = service(create_health_app(Health(checks)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    url = f"http://127.0.0.1:{socket.getsockname()[1]}/health"
    try:
        yield lambda which: requests.get(f"{url}/{which}", timeout=30)
    finally:
        server.should_exit = True
        thread.join()
        socket.close()


def test_ready_is_what_every_check_says():
    wrong = {"disk": None}
    with asked({"database": lambda: None, "disk": lambda: wrong["disk"]}) as ask:
        fine = ask("ready")
        assert (fine.status_code, fine.json()["ready"]) == (200, True)
        assert fine.json()["checks"] == {"database": "fine", "disk": "fine"}
        wrong["disk"] = "full"
        refused = ask("ready")
        assert (refused.status_code, refused.json()["ready"]) == (503, False)
        assert refused.json()["checks"] == {"database": "fine", "disk": "full"}
        assert ask("live").json() == {"live": True}


def test_a_check_that_fails_unexpectedly_is_named_by_its_kind_alone():
    def fails():
        raise ValueError("Doe^Jane")

    with asked({"database": fails}) as ask:
        refused = ask("ready")
    assert refused.status_code == 503
    assert refused.json()["checks"] == {"database": "ValueError"}


@pytest.mark.timeout(60)
def test_checks_that_hang_keep_neither_the_answer_nor_life_waiting(monkeypatch):
    monkeypatch.setattr(module, "CHECK_S", 0.05)
    release = threading.Event()
    with asked({"database": lambda: release.wait() and None, "disk": lambda: None}) as ask:
        for _ in range(2 * module._CHECKS_AT_ONCE):  # more than may hang at once
            refused = ask("ready")
            assert refused.status_code == 503
            assert refused.json()["checks"]["database"] == "no answer in time"
            assert ask("live").status_code == 200
        release.set()


def test_nothing_else_is_served_and_answers_are_not_kept():
    with asked({}) as ask:
        assert ask("../openapi.json").status_code == 404
        assert ask("live").headers["cache-control"] == "no-store"
