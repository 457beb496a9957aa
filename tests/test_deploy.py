"""The files of deploy/: as far as they can be checked without the machines that they are for."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typer
import yaml

from firstread.cli.app import app
from firstread.cli.config import check
from firstread.settings import PREFIX, Settings, is_secret, secret_variable

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
UNIT = DEPLOY / "firstread.service"
OURS = [name for name, each in COMPOSE["services"].items() if each["image"] == "firstread"]
VARIABLES = {PREFIX + name.upper() for name in Settings.model_fields} | {
    secret_variable(name) for name, field in Settings.model_fields.items() if is_secret(field)
}


def parse(*arguments):
    """Let the command line take its arguments, and run nothing."""
    group = typer.main.get_command(app)
    name, *rest = arguments
    return group.commands[name].make_context(name, list(rest))


def variables(text):
    return set(re.findall(rf"\b{PREFIX}[A-Z_]+", text))


@pytest.mark.parametrize("name", ["compose.yaml", "firstread.service", "Dockerfile"])
def test_every_variable_is_that_of_a_setting(name):
    named = variables((DEPLOY / name).read_text())
    assert named
    assert named <= VARIABLES


@pytest.mark.parametrize("name", OURS)
def test_the_settings_of_each_container_can_be_used_for_what_it_runs(name, monkeypatch, tmp_path):
    service = COMPOSE["services"][name]
    assert parse(*service["command"]).params["role"] == [name]
    (tmp_path / "database_url").write_text("postgresql://firstread:p@database/firstread")
    for variable, value in service["environment"].items():
        monkeypatch.setenv(variable, value.replace("/run/secrets", str(tmp_path)))
    monkeypatch.setenv("FIRSTREAD_CONFIG", str(DEPLOY / "firstread.toml"))
    check()


def test_each_container_runs_one_role_asks_whether_it_is_ready_and_may_do_nothing_else():
    assert OURS == ["scp", "api", "worker"]
    for name in OURS:
        service = COMPOSE["services"][name]
        port = service["environment"]["FIRSTREAD_HEALTH_PORT"]
        assert f"127.0.0.1:{port}/health/ready" in service["healthcheck"]["test"][-1]
        compile(service["healthcheck"]["test"][-1], name, "exec")
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        grace = int(service["stop_grace_period"].rstrip("s"))
        assert grace > Settings.model_fields["stop_grace_s"].default
    assert str(Settings.model_fields["api_port"].default) == port


def test_secrets_are_files_that_the_repository_does_not_have():
    for secret in COMPOSE["secrets"].values():
        assert not (DEPLOY / secret["file"]).exists()
    ignored = (DEPLOY / ".gitignore").read_text().split()
    assert {Path(secret["file"]).parts[0] + "/" for secret in COMPOSE["secrets"].values()} == set(ignored)


def test_docker_compose_takes_the_file(tmp_path):
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode
    ):
        pytest.skip("docker compose is not installed")
    done = subprocess.run(
        ["docker", "compose", "--file", str(DEPLOY / "compose.yaml"), "config", "--quiet"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.fixture
def unit(tmp_path):
    """The unit with a program that is there."""
    path = tmp_path / "firstread.service"
    path.write_text(UNIT.read_text().replace("/opt/firstread/bin/firstread", "/bin/true"))
    return path


def systemd_analyze(*arguments):
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd is not installed")
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=60)


def test_systemd_takes_the_unit_and_understands_every_line(unit):
    done = systemd_analyze("verify", "--man=no", unit)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_finds_that_the_unit_exposes_little(unit):
    done = systemd_analyze("security", "--offline=true", "--threshold=20", "--no-pager", unit)
    assert done.returncode == 0, done.stdout[-400:]


def test_the_unit_runs_a_command_that_exists_and_stops_it_later_than_it_stops_itself():
    text = UNIT.read_text()
    (command,) = re.findall(r"^ExecStart=\S+ (.+)$", text, re.MULTILINE)
    assert parse(*command.split()).params["role"] == ()
    (stop,) = re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    assert int(stop) > Settings.model_fields["stop_grace_s"].default


def test_the_image_runs_a_command_that_exists_with_what_the_build_needs():
    text = (DEPLOY / "Dockerfile").read_text()
    (command,) = re.findall(r"^CMD \[\"(\w+)\"\]$", text, re.MULTILINE)
    assert parse(command).info_name == "serve"
    copied = [
        name
        for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE)
        for name in line.split()[:-1]
    ]
    sent = re.findall(r"^!(.+)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    assert copied == sent
    for name in copied:
        assert (DEPLOY.parent / name).exists(), name
    assert "USER firstread" in text
