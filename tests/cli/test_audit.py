import json
import sqlite3

import pytest
from lxml import etree

from tests.access.audit.trail import write_trail


@pytest.fixture
def trail(tmp_path, monkeypatch):
    """The archive's folder, with a trail of five events."""
    from firstread.archive import open_archive

    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "archive"))
    with open_archive(tmp_path / "archive") as archive:
        write_trail(archive.engine, 5)
    return tmp_path / "archive"


def tamper(folder, statement):
    with sqlite3.connect(folder / "archive.sqlite") as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement)


def test_a_sound_trail_is_said_to_be(firstread, trail):
    done = firstread("audit", "verify")
    assert (done.code, done.out) == (0, "6 events, not sealed: there is no audit_key; sound.\n")


def test_what_was_changed_is_named_and_ends_with_5(firstread, trail):
    tamper(trail, "UPDATE audit_event SET content = replace(content, 'P2', 'P9') WHERE id = 3")
    done = firstread("audit", "verify")
    assert done.code == 5
    assert "event 3: it was changed" in done.out
    told = json.loads(firstread("audit", "verify", "--json").out)
    assert (told["sound"], [fault["number"] for fault in told["faults"]]) == (False, [3])


def test_a_key_from_a_file_seals_and_verifies(firstread, trail, tmp_path, monkeypatch):
    (tmp_path / "key").write_text("a key of thirty-two characters..\n")
    monkeypatch.setenv("FIRSTREAD_AUDIT_KEY_FILE", str(tmp_path / "key"))
    assert firstread("audit", "verify").out == "6 events, 1 of them sealed; sound.\n"
    monkeypatch.setenv("FIRSTREAD_AUDIT_FORMER_KEYS", json.dumps(["a key of thirty-two characters.."]))
    (tmp_path / "key").write_text("another key, after the rotation.")
    assert firstread("audit", "verify").out == "7 events, 2 of them sealed; sound.\n"
    monkeypatch.delenv("FIRSTREAD_AUDIT_FORMER_KEYS")
    assert "event 6: its seal is of a key that is not at hand" in firstread("audit", "verify").out


def test_a_head_that_was_kept_shows_a_trail_that_was_cut(firstread, trail, tmp_path):
    anchors = tmp_path / "heads.jsonl"
    anchors.write_text(firstread("audit", "head").out)
    assert firstread("audit", "verify", "--anchor", anchors).code == 0
    anchors.write_text('{"number": 99, "chain": "0"}\n')
    done = firstread("audit", "verify", "--anchor", anchors)
    assert (done.code, "event 99: it was written down, and is missing" in done.out) == (5, True)
    anchors.write_text("nonsense\n")
    assert firstread("audit", "verify", "--anchor", anchors).code == 2


def test_events_are_found_by_patient_kind_and_actor(firstread, trail):
    found = json.loads(firstread("audit", "search", "--patient", "P3", "--json").out)
    assert [(each["number"], each["event"]) for each in found] == [(4, "DICOM Instances Accessed")]
    assert "1.2.3.3" in firstread("audit", "search", "--kind", "instances-accessed", "--actor", "mei").out
    assert firstread("audit", "search", "--study", "9.9").out == "No event.\n"
    assert firstread("audit", "search", "--kind", "nonsense").code == 2


def test_that_the_trail_was_searched_is_in_the_trail(firstread, trail):
    firstread("audit", "search", "--patient", "P3")
    (used,) = json.loads(firstread("audit", "search", "--kind", "audit-log-used", "--json").out)[1:]
    assert used["content"]["detail"]["command"] == "firstread audit search --patient P3"


def test_an_event_is_shown_as_it_is_and_as_a_message(firstread, trail):
    told = json.loads(firstread("audit", "show", 2).out)
    assert told["content"]["patients"] == ["P1"]
    assert firstread("audit", "show", 999).code == 3


def test_the_trail_is_exported_one_message_a_line(firstread, trail):
    done = firstread("audit", "export", "--actor", "mei")
    messages = [etree.fromstring(line.encode()) for line in done.out.splitlines()]
    assert [each.tag for each in messages] == ["AuditMessage"] * 5
    lines = firstread("audit", "export", "--actor", "mei", "--format", "json").out.splitlines()
    assert [json.loads(line)["number"] for line in lines] == [1, 2, 3, 4, 5]


def test_an_empty_trail_has_no_head(firstread, tmp_path, monkeypatch):
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "archive"))
    assert firstread("audit", "head").code == 3
