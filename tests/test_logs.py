import io
import json
import logging
import sys
import threading

import pytest

from firstread.logs import configure_logs, digest

UID = "1.2.840.113619.2.55.3.604688.1"


@pytest.fixture
def lines(monkeypatch):
    """A function that configures JSON logs, and one that returns what was logged since."""
    loggers = [logging.getLogger(), logging.getLogger("firstread")]
    before = [(each.handlers[:], each.level) for each in loggers]
    for place, name in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(place, name, getattr(place, name))
    monkeypatch.setattr(logging, "raiseExceptions", logging.raiseExceptions)
    stream = io.StringIO()

    def logged(level="info"):
        configure_logs("json", level, stream=stream)
        return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]

    yield logged
    for each, (handlers, level) in zip(loggers, before, strict=True):
        each.handlers[:] = handlers
        each.setLevel(level)


def test_a_line_of_ours_has_its_text_its_level_the_time_and_what_it_is_about(lines):
    logged = lines()
    logging.getLogger("firstread.workflow").info("job %d waits", 12, extra={"priority": "stat"})
    logging.getLogger("firstread.workflow").debug("not asked for")
    (line,) = logged()
    assert (line["event"], line["level"], line["logger"]) == ("job 12 waits", "info", "firstread.workflow")
    assert line["priority"] == "stat"
    assert line["timestamp"].endswith("Z")


def test_a_uid_is_the_same_digest_in_every_line_and_addresses_stay(lines):
    logged = lines()
    log = logging.getLogger("firstread.network")
    log.warning("instance %s came again from %s", UID, "10.0.0.21", extra={"study": UID})
    (line,) = logged()
    assert line["event"] == f"instance {digest(UID)} came again from 10.0.0.21"
    assert line["study"] == digest(UID)
    assert UID not in json.dumps(line)


@pytest.mark.parametrize("name", ["sqlalchemy.engine", "dbos", "pynetdicom.acse", "uvicorn.error"])
def test_of_a_library_neither_values_nor_the_text_of_exceptions_are_logged(lines, name):
    logged = lines("debug")
    log = logging.getLogger(name)
    before = log.level
    log.setLevel(logging.DEBUG)
    try:
        log.warning("name is %r, at %d", "Doe^Jane", 4, extra={"patient": "Doe^Jane"})
        log.error(f"name is {'Doe^Jane'}")
        try:
            raise ValueError("Doe^Jane")
        except ValueError:
            log.exception("it failed")
    finally:
        log.setLevel(before)
    templated, ready_made, failed = logged()
    assert templated["event"] == "name is …, at …"
    assert ready_made["event"] == failed["event"] == "a library's message"
    assert all(line["at"].startswith("test_logs:") for line in logged())
    assert failed["error"] == "ValueError"
    assert "Doe" not in json.dumps(logged())


def test_of_an_exception_of_ours_the_kind_and_the_way_are_logged(lines):
    logged = lines()
    try:
        try:
            raise KeyError("Doe^Jane")
        except KeyError as error:
            raise RuntimeError("Doe^Jane") from error
    except RuntimeError:
        logging.getLogger("firstread.web").exception("a request failed")
    (line,) = logged()
    assert (line["event"], line["error"], line["cause"]) == ("a request failed", "RuntimeError", "KeyError")
    assert line["through"][0].startswith("test_of_an_exception_of_ours")
    assert "Doe" not in json.dumps(line)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_says_so_without_its_words(lines, capsys):
    logged = lines()

    def die():
        raise ValueError("Doe^Jane")

    thread = threading.Thread(target=die)
    thread.start()
    thread.join()
    (line,) = logged()
    assert line["error"] == "ValueError"
    assert "Doe" not in json.dumps(line) + capsys.readouterr().err


def test_people_get_text(lines):
    stream = io.StringIO()
    lines()
    configure_logs("text", stream=stream)
    logging.getLogger("firstread").warning("disk is full", extra={"free_mib": 3})
    assert "disk is full" in stream.getvalue()
    assert "free_mib=3" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_without_a_terminal_auto_is_json(lines):
    stream = io.StringIO()
    lines()
    configure_logs("auto", stream=stream)
    logging.getLogger("firstread").warning("once")
    assert json.loads(stream.getvalue())["event"] == "once"
