import os
import socket

import pytest

from firstread.service.systemd import notify, watchdog_s


@pytest.mark.parametrize("abstract", [False, True])
def test_a_state_reaches_the_socket_that_systemd_names(monkeypatch, tmp_path, abstract):
    name = f"@firstread-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:] if abstract else name)
        manager.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        notify("READY=1")
        assert manager.recv(64) == b"READY=1"


def test_without_systemd_or_with_one_that_is_gone_nothing_happens(monkeypatch, tmp_path):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify("READY=1")


@pytest.mark.parametrize(
    ("microseconds", "pid", "seconds"),
    [
        ("30000000", None, 15.0),
        pytest.param("30000000", str(os.getpid()), 15.0, id="this process"),
        ("30000000", "1", None),
        ("", None, None),
        ("soon", None, None),
    ],
)
def test_signs_of_life_come_twice_as_often_as_systemd_waits(monkeypatch, microseconds, pid, seconds):
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    if pid is not None:
        monkeypatch.setenv("WATCHDOG_PID", pid)
    assert watchdog_s() == seconds
