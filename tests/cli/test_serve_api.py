import os
import signal
import socket
import subprocess
import sys

import requests


def test_the_service_runs_until_it_is_stopped(tmp_path):
    environment = os.environ | {"FIRSTREAD_ARCHIVE_DIR": str(tmp_path / "archive")}
    command = [sys.executable, "-m", "firstread.cli", "serve-api", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            said = process.stdout.readline()
            url = said.split()[-1]
            assert said.startswith("DICOMweb on http://127.0.0.1:")
            assert requests.get(f"{url}/studies", timeout=30).status_code == 204
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (0, -signal.SIGTERM, 128 + signal.SIGTERM)


def test_other_addresses_need_the_setting(firstread, tmp_path, monkeypatch):
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "archive"))
    refused = firstread("serve-api", "--host", "0.0.0.0")
    assert refused.code == 2
    assert "api_allow_remote" in refused.err


def test_a_port_that_is_taken_is_said(firstread, tmp_path, monkeypatch):
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "archive"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = firstread("serve-api", "--port", str(taken.getsockname()[1]))
    assert refused.code == 2
    assert "Cannot listen" in refused.err
