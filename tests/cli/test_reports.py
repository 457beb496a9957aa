import json

import pytest

from tests.workflow.reporting.reported import read_folder, reported  # noqa: F401


@pytest.fixture
def database_url():
    """None: the commands do not depend on the database."""


@pytest.fixture
def command(firstread, reported, monkeypatch):  # noqa: F811
    """The command on the archive of a study that was read and changed twice."""
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(reported.archive.folder))
    reported.change(sections={"indication": {"text": "Cough."}})
    return lambda *arguments: firstread("reports", *arguments)


def test_list_and_show_say_what_is_preliminary(command, reported):  # noqa: F811
    (listed,) = json.loads(command("list", "--json").out)
    assert (listed["study_uid"], listed["state"], listed["signed_by"]) == (reported.uid, "preliminary", "")
    shown = command("show", reported.uid)
    assert "preliminary, version 2 (AI preliminary, not verified)" in shown.out
    assert "Cough." in shown.out
    assert json.loads(command("list", "--state", "final", "--json").out) == []


def test_history_and_diff_tell_what_changed(command, reported):  # noqa: F811
    assert [one["author"] for one in json.loads(command("history", reported.uid, "--json").out)] == [
        "firstread", "anne",
    ]  # fmt: skip
    assert "+Cough." in command("diff", reported.uid, "1", "2").out
    assert command("diff", reported.uid, "1", "9").code == 2
    assert command("show", "1.2.3").code == 2


def test_stats_count_signed_reports(command, reported):  # noqa: F811
    assert "No signed report." in command("stats").out
    reported.sign()
    (counted,) = json.loads(command("stats", "--by", "person", "--json").out)
    assert (counted["name"], counted["reports"], counted["unreviewed"]) == ("anne", 1, 3)


def test_templates_are_kept_listed_and_removed(command, tmp_path):
    file = tmp_path / "normal.txt"
    file.write_text("Normal lungs.")
    assert command("templates", "add", "normal", str(file), "--section", "findings").code == 0
    (kept,) = json.loads(command("templates", "list", "--json").out)
    assert (kept["name"], kept["text"], kept["owner"]) == ("normal", "Normal lungs.", "")
    assert command("templates", "remove", "normal", "--section", "findings").code == 0
    assert command("templates", "remove", "normal", "--section", "findings").code == 2
    assert command("templates", "add", "x", "nowhere", "--section", "findings").code == 2
