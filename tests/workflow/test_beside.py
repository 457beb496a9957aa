import os
import signal

import pytest

from firstread.workflow import beside as module
from firstread.workflow.beside import Beside, beside, start_ahead


@pytest.fixture(autouse=True)
def none_idle():
    module._end_idle()
    yield
    module._end_idle()


def write_process(path, word):
    with open(path, "a") as file:
        file.write(f"{word} {os.getpid()}\n")


def fail_elsewhere(path, home):
    write_process(path, "tried")
    if os.getpid() != home:
        raise RuntimeError("not here")


@pytest.fixture(autouse=True)
def importable(monkeypatch, request):
    """What is called must be importable by the other process under the name that pickle writes."""
    root = str(request.config.rootpath)
    known = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", f"{root}{os.pathsep}{known}" if known else root)


def lines(path):
    return [(word, int(pid)) for word, pid in (line.split() for line in path.read_text().splitlines())]


def test_another_process_makes_the_calls_in_order_and_is_kept(tmp_path):
    path = tmp_path / "calls"
    for words in (("one", "two"), ("three",)):
        with beside() as other:
            for word in words:
                other.begin(write_process, path, word)
            other.finish()
    assert [word for word, _ in lines(path)] == ["one", "two", "three"]
    assert len({pid for _, pid in lines(path)}) == 1
    assert os.getpid() not in {pid for _, pid in lines(path)}


def test_a_process_that_was_started_ahead_is_taken():
    start_ahead()
    (ahead,) = module._idle
    with beside() as other:
        assert other is ahead


def test_one_that_ended_while_it_was_idle_is_let_go():
    for _ in range(2):
        start_ahead()
    for ended in list(module._idle):
        ended._process.kill()
        ended._process.wait()
    with beside() as other:
        assert other.reusable and module._idle == []


def test_what_fails_there_is_done_here(tmp_path):
    path = tmp_path / "calls"
    with beside() as other:
        other.begin(fail_elsewhere, path, os.getpid())
        other.begin(write_process, path, word="after")
        other.finish()
    assert lines(path)[-2:] == [("tried", os.getpid()), ("after", os.getpid())]


def test_what_fails_here_too_is_raised():
    with pytest.raises(ValueError, match="invalid literal"), beside() as other:
        other.begin(int, "seven")
        other.finish()


@pytest.mark.parametrize("before", [True, False])
def test_a_process_that_is_killed_is_done_without(tmp_path, before):
    path = tmp_path / "calls"
    with beside() as other:
        if before:
            os.kill(other._process.pid, signal.SIGKILL)
            other._process.wait()
        other.begin(write_process, path, "written")
        if not before:
            os.kill(other._process.pid, signal.SIGKILL)
        other.finish()
    assert "written" in {word for word, _ in lines(path)}
    with beside() as another:
        assert another is not other


def test_a_read_that_breaks_off_leaves_no_process(tmp_path):
    with pytest.raises(KeyError), beside() as other:
        other.begin(write_process, tmp_path / "calls", "never awaited")
        raise KeyError
    assert other._process is None


def test_where_no_process_can_be_started_everything_is_done_here(tmp_path, monkeypatch):
    monkeypatch.setattr(module.sys, "executable", str(tmp_path / "missing"))
    other = Beside()
    other.begin(write_process, tmp_path / "calls", "here")
    other.finish()
    assert lines(tmp_path / "calls") == [("here", os.getpid())]
