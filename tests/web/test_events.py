"""Notices on their way to listeners: who gets which, from every process, and until when."""

import json
import threading
import time
from contextlib import contextmanager, suppress

import pytest
import requests
from sqlalchemy import insert, select

from firstread.access import Action, Actor, Grant
from firstread.access.gate import Denied
from firstread.archive import open_archive
from firstread.archive.columns import now
from firstread.archive.database import writing
from firstread.archive.models import Notice, Study
from firstread.archive.notices import KEPT_FOR, forget_notices, tell
from firstread.web import create_app, events
from tests.archive.samples import instances, rows
from tests.network.dicomweb.conftest import running
from tests.waiting import wait_for


class Rights:
    """A door whose rights the test changes; `seen` is the UID of the only study that may be seen."""

    def __init__(self):
        self.seen = None
        self.actions = set(Action)
        self.account = 1

    def admit(self, request, action):
        if action not in self.actions:
            raise Denied("no")
        within = None if self.seen is None else Study.study_uid == self.seen
        return Grant(Actor("person", "jane", account=self.account), within)


@pytest.fixture
def rights():
    return Rights()


@pytest.fixture
def url(archive, rights):
    app = create_app(archive, keep_metadata=False)
    app.state.door = rights
    with running(app) as started:
        yield started


@contextmanager
def listening(url):
    """What a listener has been told so far, as (kind, content)."""
    told = []
    with requests.get(f"{url}/events", stream=True, timeout=30) as answer:
        assert answer.status_code == 200

        def listen():
            kind = ""
            try:
                for line in answer.iter_lines(chunk_size=1):
                    name, _, value = line.decode().partition(": ")
                    kind = value if name == "event" else kind
                    if name == "data":
                        told.append((kind, json.loads(value)))
                told.append(("end", {}))
            except Exception:
                pass

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        wait_for(lambda: ("hello", {}) in told)
        yield told
        with suppress(RuntimeError, ValueError, OSError):  # it has ended by itself
            answer.raw.shutdown()  # wakes the thread that reads


def notice(archive, kind, **options):
    with writing(archive.engine) as connection:
        tell(connection, kind, **options)


def two_studies(archive):
    for study in (1, 2):
        archive.receive(instances(1, study=study)[0], source="CT1")
    return {row.study_uid: row.id for row in rows(archive, Study)}


def test_a_notice_reaches_whoever_may_see_its_study_and_nobody_else(archive, url, rights):
    (mine, my_key), (_, other_key) = two_studies(archive).items()
    rights.seen = mine
    with listening(url) as told:
        for key in (other_key, my_key, my_key):
            notice(archive, "study", study_key=key)
        notice(archive, "alert", study_key=other_key, needs="alert.read", content={"level": 1})
        notice(archive, "alert", study_key=my_key, needs="alert.read", content={"level": 2})
        wait_for(lambda: ("alert", {"level": 2, "study": mine}) in told)
        assert {kind: content for kind, content in told if kind == "study"} == {"study": {"studies": [mine]}}
        assert ("alert", {"level": 1, "study": mine}) not in told
        assert len([kind for kind, _ in told if kind == "alert"]) == 1


def test_a_notice_that_needs_a_right_or_is_for_another_is_not_told(archive, url, rights):
    rights.actions.discard(Action.MANAGE_JOBS)
    with listening(url) as told:
        notice(archive, "job", needs="job.manage")
        notice(archive, "note", account=2)
        notice(archive, "note", needs="no.such.right")
        notice(archive, "note", account=1, content={"n": 3})
        wait_for(lambda: ("note", {"n": 3}) in told)
        assert [kind for kind, _ in told] == ["hello", "note"]


def test_what_is_undone_is_not_told(archive, url):
    with listening(url) as told:
        with pytest.raises(ZeroDivisionError), writing(archive.engine) as connection:
            tell(connection, "note", content={"n": 1})
            raise ZeroDivisionError
        notice(archive, "note", content={"n": 2})
        wait_for(lambda: ("note", {"n": 2}) in told)
        assert ("note", {"n": 1}) not in told


def test_every_process_tells_and_none_twice(tmp_path, archive, url):
    with listening(url) as told, listening(url) as others:
        for n in range(50):
            notice(archive, "note", content={"n": n})
        wait_for(lambda: len(told) == len(others) == 51)
        time.sleep(2 * events.POLL_S)
        assert [content["n"] for kind, content in told if kind == "note"] == list(range(50))


def test_a_number_that_is_committed_late_is_told_all_the_same(archive, url):
    with listening(url) as told:
        notice(archive, "note", content={"n": 1})
        wait_for(lambda: ("note", {"n": 1}) in told)
        last = rows(archive, Notice)[-1].id
        for number in (last + 2, last + 1):
            with writing(archive.engine) as connection:
                connection.execute(
                    insert(Notice).values(
                        id=number, kind="note", needs="study.read", content=f'{{"n": {number}}}'
                    )
                )
            wait_for(lambda number=number: ("note", {"n": number}) in told)


def test_a_listener_whose_rights_end_is_sent_away(archive, url, rights, monkeypatch):
    monkeypatch.setattr(events, "BEAT_S", 0.1)
    with listening(url) as told:
        rights.actions.clear()
        wait_for(lambda: ("end", {}) in told)
        assert ("left", {}) in told


def test_a_server_that_stops_does_not_wait_for_those_who_listen(tmp_path):
    with open_archive(tmp_path / "archive") as archive:
        with running(create_app(archive, keep_metadata=False)) as started:
            answer = requests.get(f"{started}/events", stream=True, timeout=30)
            assert answer.raw.read(5) == b"retry"
            began = time.monotonic()
        assert time.monotonic() - began < 5
        answer.close()


def test_what_is_no_news_any_more_is_removed(archive):
    notice(archive, "note")
    with writing(archive.engine) as connection:
        old = insert(Notice).values(kind="note", needs="", content="{}", at=now() - 2 * KEPT_FOR)
        connection.execute(old)
    forget_notices(archive.engine)
    with writing(archive.engine) as connection:
        assert len(connection.execute(select(Notice.id)).all()) == 1
