import io
import json
import logging
import threading

import pytest

from firstread.logs import configure_logs, digest
from tests.kept_logging import kept_logging

UID = "1.2.840.113619.2.55.3.604688.1"


@pytest.fixture
def lines():
    """A function that configures JSON logs, and returns one that returns what was logged since."""
    stream = io.StringIO()

    def logged(level="info"):
        configure_logs("json", level, stream=stream)
        return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]

    with kept_logging():
        yield logged


def test_a_line_of_ours_has_its_text_its_level_the_time_and_what_it_is_about(lines):
    logged = lines()
    logging.getLogger("firstread.workflow").info("job %d waits", 12, extra={"priority": "stat"})
    logging.getLogger("firstread.workflow").debug("not asked for")
    (line,) = logged()
    assert (line["event"], line["level"], line["logger"]) == ("job 12 waits", "info", "firstread.workflow")
    assert line["priority"] == "stat"
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("uid", [UID, "2.25.329800735698586629295641978511506172918", "1.2.3.4.5"])
def test_a_uid_is_the_same_digest_in_every_line_and_addresses_and_versions_stay(lines, uid):
    logged = lines()
    log = logging.getLogger("firstread.network")
    log.warning("instance %s came again from %s to %s", uid, "192.168.100.121", "2.1.0", extra={"study": uid})
    (line,) = logged()
    assert line["event"] == f"instance {digest(uid)} came again from 192.168.100.121 to 2.1.0"
    assert line["study"] == digest(uid)
    assert uid not in json.dumps(line)


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
