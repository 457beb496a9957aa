import os
import subprocess
import sys

import pytest

from firstread import __version__

COMMANDS = (
    "read", "info", "phantom", "doctor", "bench", "evaluate", "models", "archive", "backup", "restore", "verify",
)  # fmt: skip


def test_the_version_is_said(firstread):
    assert firstread("--version") == (0, f"firstread {__version__}\n", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(firstread, command):
    done = firstread(command, "--help")
    assert done.code == 0
    assert f"Usage: firstread {command}" in done.out


@pytest.mark.parametrize("command", ["read", "info", "phantom", "bench", "backup", "restore", "verify"])
def test_every_command_that_takes_arguments_shows_an_example(firstread, command):
    shown = [line.strip(" │") for line in firstread(command, "--help").out.splitlines()]
    assert any(line.startswith(f"firstread {command} ") for line in shown)


def test_help_lists_the_commands_and_says_what_firstread_is_not(firstread):
    done = firstread("--help")
    assert done.code == 0
    assert all(f" {command} " in done.out for command in COMMANDS)
    assert "not a medical device" in done.out


def test_help_needs_none_of_the_heavy_parts():
    code = (
        "import sys\nfrom firstread.cli.app import app\n"
        "heavy = {'numpy', 'scipy', 'pydicom', 'highdicom', 'openvino', 'fhir', 'imagecodecs', 'cv2', 'jinja2', "
        "'sqlalchemy', 'alembic', 'psycopg'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["reed"],
        ["read"],
        ["read", ".", "--threads", "0"],
        ["read", ".", "--precision", "f16"],
        ["read", ".", "--no-such"],
    ],
)
def test_a_wrong_call_ends_with_2_and_says_why(firstread, arguments):
    done = firstread(*arguments)
    assert done.code == 2
    assert "Usage: firstread" in done.err


@pytest.fixture
def faulty(monkeypatch):
    """Let `firstread read` meet a fault whose text quotes the input."""
    from firstread.workflow import read_study

    def fail(*_, **__):
        raise KeyError("Doe^Jane")

    monkeypatch.setattr(read_study, "read_study", fail)


def test_an_unexpected_fault_ends_with_5_without_traceback_or_the_words_of_the_input(firstread, faulty):
    done = firstread("read", ".")
    assert done.code == 5
    assert "unexpected KeyError" in done.err
    assert "Traceback" not in done.err
    assert "Jane" not in done.err


def test_debug_shows_where_the_fault_is(firstread, faulty, monkeypatch):
    monkeypatch.setenv("FIRSTREAD_DEBUG", "1")
    done = firstread("read", ".")
    assert done.code == 5
    assert "Traceback" in done.err


def test_a_reader_of_the_output_that_leaves_early_is_no_fault():
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-m", "firstread.cli", "--help"], stdout=write_end, stderr=subprocess.PIPE, text=True
    )
    os.close(write_end)
    assert "Traceback" not in done.stderr
    assert "fault of firstread" not in done.stderr
