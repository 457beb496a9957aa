"""The parts of a process, put together in this one."""

import socket
import threading

import pytest
import requests
from sqlalchemy.engine import make_url

from firstread.errors import UsageError
from firstread.service import service as module
from firstread.service.roles import Role
from firstread.service.service import Service
from firstread.settings import Settings
from tests.network.conftest import free_port, is_listening


@pytest.fixture
def settings(tmp_path):
    """A function that returns settings with free ports."""

    def make(**values):
        given = {
            "archive_dir": tmp_path / "archive",
            "archive_reserve_mib": 0,
            "dicom_port": 0,
            "api_port": 0,
        }
        return Settings(**given | values)

    return make


def ready(service):
    where = service.facts()["api"]
    answer = requests.get(f"http://127.0.0.1:{where['port']}/health/ready", timeout=30)
    return answer.status_code, answer.json()["checks"]


def test_it_is_not_ready_from_the_moment_that_it_is_asked_to_stop(settings):
    asked = threading.Event()
    service = Service(settings(), frozenset({Role.SCP, Role.API}), is_stopping=asked.is_set)
    try:
        assert ready(service) == (200, dict.fromkeys(("stopping", "database", "disk", "scp"), "fine"))
        asked.set()
        status, checks = ready(service)
        assert (status, checks["stopping"]) == (503, "asked to stop")
    finally:
        assert service.stop(0.0)


def test_a_database_that_is_away_is_said_and_the_process_lives(settings, postgres_server, postgres_url):
    service = Service(settings(database_url=postgres_url), frozenset({Role.API}))
    try:
        assert ready(service)[0] == 200
        name = make_url(postgres_url).database
        postgres_server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        postgres_server.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        status, checks = ready(service)
        assert (status, checks["database"], checks["disk"]) == (503, "does not answer", "fine")
        assert service.alive()
        postgres_server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        assert ready(service)[0] == 200
    finally:
        service.stop(0.0)


def test_what_was_started_is_stopped_where_the_rest_cannot_be(settings):
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = settings(dicom_port=port, api_port=taken.getsockname()[1])
        with pytest.raises(UsageError, match="Cannot listen"):
            Service(wanted, frozenset({Role.SCP, Role.API}))
    assert not is_listening(port)


def test_a_part_that_does_not_end_keeps_nobody_waiting(settings, monkeypatch):
    monkeypatch.setattr(module, "_MARGIN_S", 0.05)
    service = Service(settings(), frozenset({Role.SCP}))
    release = threading.Event()
    (part,) = service.parts
    finish = part.stop

    def late(grace_s):
        release.wait(60)
        finish(grace_s)

    monkeypatch.setattr(part, "stop", late)
    assert not service.stop(0.0)
    release.set()
    assert service.stop(1.0)
