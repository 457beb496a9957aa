import json
import os
import signal
import subprocess
import sys
import time

import pytest

from firstread.cli.read import default_out
from firstread.workflow.result_folder import load_result


@pytest.fixture(scope="module")
def done(small_study, ball_reader, tmp_path_factory):
    """One read as a process of its own, with the modules that it had imported in the end."""
    folder = tmp_path_factory.mktemp("cli")
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('torch' in sys.modules, file=sys.stderr))\n"
        "from firstread.cli import main\nmain()"
    )
    command = [sys.executable, "-c", code, "read", str(small_study), "--reader", "ball"]
    environment = {**os.environ, "PYTHONPATH": str(ball_reader), "COLUMNS": "200", "NO_COLOR": "1"}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return folder / f"firstread-{small_study.name}", ended


def test_a_read_ends_with_0_and_a_complete_folder_named_after_the_study(done):
    out, ended = done
    assert ended.returncode == 0, ended.stderr
    assert load_result(out).findings


def test_a_read_needs_no_torch(done):
    assert done[1].stderr == "False\n"


def test_the_summary_names_the_finding_and_the_report(done):
    out, ended = done
    assert "Nodule" in ended.stdout
    assert "4A" in ended.stdout
    assert f"{out.name}/report.html" in ended.stdout


def test_no_patient_is_named_on_the_terminal(done):
    assert "Jane" not in done[1].stdout + done[1].stderr


def test_json_prints_the_result_and_nothing_else(firstread, small_study, ball_reader, tmp_path):
    ended = firstread("read", small_study, "--reader", "ball", "--json", "--out", tmp_path / "out")
    assert ended.code == 0
    assert ended.err == ""
    assert ended.out == (tmp_path / "out" / "result.json").read_text()
    assert json.loads(ended.out)["findings"][0]["id"] == "N1"


def test_quiet_says_nothing(firstread, small_study, ball_reader, tmp_path):
    assert firstread("read", small_study, "--reader", "ball", "--quiet", "--out", tmp_path / "out") == (
        0,
        "",
        "",
    )


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nowhere"], 2, "does not exist"),
        (["empty"], 3, "firstread: "),
        (["STUDY", "--reader", "bone"], 2, "no reader named 'bone'"),
        (["STUDY", "--prior", "nowhere"], 2, "nowhere is not there"),
        (["STUDY", "--out", "full"], 2, "other files"),
        (["STUDY", "--series", "1.2.3"], 2, "no series 1.2.3"),
    ],
    ids=["no path", "no DICOM", "reader", "prior", "out", "series"],
)
def test_what_cannot_work_is_told_with_its_exit_code(
    firstread, small_study, tmp_path, ball_reader, arguments, code, words
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    arguments = [small_study if argument == "STUDY" else argument for argument in arguments]
    reader = [] if "--reader" in arguments else ["--reader", "ball"]
    ended = firstread("read", *arguments, *reader)
    assert ended.code == code
    assert words in ended.err.replace("\n", " ")
    assert ended.out == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_input_that_is_refused_ends_with_4(firstread, small_study, ball_reader, monkeypatch):
    monkeypatch.setenv("BALL_READER", "refuse")
    ended = firstread("read", small_study, "--reader", "ball")
    assert ended.code == 4
    assert "not safe to read. Send it again." in ended.err


def test_a_result_is_replaced_only_with_force(firstread, small_study, ball_reader, tmp_path):
    read = ("read", small_study, "--reader", "ball", "--quiet", "--out", tmp_path / "out")
    assert firstread(*read).code == 0
    assert firstread(*read).code == 2
    assert firstread(*read, "--force").code == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_read_that_is_stopped_leaves_nothing(small_study, ball_reader, tmp_path, number, code):
    environment = {**os.environ, "PYTHONPATH": str(ball_reader), "BALL_READER": "wait"}
    command = [sys.executable, "-m", "firstread.cli", "read", str(small_study), "--reader", "ball"]
    child = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Where the tests run in the background, SIGINT is ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert child.stdout.readline() == b"waiting\n"
        child.send_signal(number)
        assert child.wait(240) == code
        assert b"Traceback" not in child.stderr.read()
    finally:
        child.kill()
        child.communicate()
    assert list(tmp_path.iterdir()) == []


def test_bars_are_drawn_on_a_terminal(small_study, ball_reader, tmp_path):
    terminal, end = os.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ball_reader), "TERM": "xterm", "COLUMNS": "120"}
    command = [sys.executable, "-m", "firstread.cli", "read", str(small_study), "--reader", "ball"]
    child = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=end)
    os.close(end)
    drawn = b""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        try:
            drawn += os.read(terminal, 4096)
        except OSError:  # the other end was closed
            break
    os.close(terminal)
    assert child.wait(240) == 0
    for stage in ("load the series", "segment the lungs", "write the results"):
        assert stage in drawn.decode()


def test_the_result_of_a_zip_is_named_without_its_suffix(tmp_path):
    (tmp_path / "scan.zip").write_bytes(b"")
    (tmp_path / "v1.2").mkdir()
    assert default_out(tmp_path / "scan.zip").name == "firstread-scan"
    assert default_out(tmp_path / "v1.2").name == "firstread-v1.2"
