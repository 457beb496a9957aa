import getpass
import json

import pytest

from firstread.access.audit.models import AuditEvent
from firstread.archive import open_archive
from tests.alerts.samples import alerts, critical, finding, raised, result, study_of
from tests.archive.samples import rows


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """The archive of the commands."""
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "archive"))
    with open_archive(tmp_path / "archive") as opened:
        yield opened


@pytest.fixture
def number(archive):
    (made,) = raised(archive, critical(study_of(archive)))
    return made


def test_open_alerts_are_listed_with_the_time_that_is_left(firstread, number):
    listed = firstread("alerts", "list")
    assert listed.code == 0
    for word in ("minutes", "raised", "Large pneumothorax", "AI preliminary, not verified"):
        assert word in listed.out
    (told,) = json.loads(firstread("alerts", "list", "--json").out)
    assert (told["id"], told["level"]) == (number, "minutes")
    assert firstread("alerts", "list", "--level", "days").out == "No alert.\n"


def test_an_alert_is_acknowledged_for_whom_was_told_and_shown_with_its_words(firstread, archive, number):
    done = firstread(
        "alerts", "acknowledge", number, "--to", "Dr Smith", "--read-back", "pneumothorax, right"
    )
    assert (done.code, done.out) == (0, f"Alert {number} is acknowledged.\n")
    shown = firstread("alerts", "show", number).out
    assert f"Communicated by {getpass.getuser()} to Dr Smith by telephone" in shown
    assert "“pneumothorax, right”" in shown
    assert firstread("alerts", "acknowledge", number, "--to", "Dr Smith").code == 4
    told = json.loads(firstread("alerts", "show", number, "--fhir").out)
    assert told["received"]
    assert firstread("alerts", "close", number).code == 0
    assert alerts(archive)[0].state == "closed"


def test_a_radiologist_confirms_downgrades_and_cancels(firstread, archive, number):
    assert firstread("alerts", "confirm", number).code == 0
    assert firstread("alerts", "downgrade", number, "--to", "hours", "--reason", "known").code == 0
    assert firstread("alerts", "cancel", number, "--reason", " ").code == 2
    assert firstread("alerts", "cancel", number, "--reason", "a skin fold").code == 0
    assert (alerts(archive)[0].state, alerts(archive)[0].level) == ("cancelled", "hours")
    assert sum('"alert"' in row.content for row in rows(archive, AuditEvent)) >= 4


@pytest.mark.parametrize("what", ["show", "confirm", "close"])
def test_an_alert_that_is_not_there_is_said_to_be_none(firstread, archive, what):
    assert firstread("alerts", what, 99).code == 3


def test_the_chain_of_a_level_is_said_step_by_step(firstread, archive):
    said = firstread("alerts", "chain", "minutes").out
    assert said.splitlines()[0] == "minutes: acknowledge within 1 h 0 min"
    assert "after 15 min: role:radiologist, referring by web" in said
    assert set(json.loads(firstread("alerts", "chain", "--json").out)) == {"minutes", "hours", "days"}


def test_rules_are_listed_and_tried_on_a_result(firstread, archive, tmp_path):
    assert "lung-rads-4b-4x" in firstread("alerts", "rules").out
    path = tmp_path / "result.json"
    path.write_text(result(finding(category="4B"), finding(2, category="3")).model_dump_json())
    tried = firstread("alerts", "test", path, "--all")
    assert tried.code == 0
    assert "because N1: modality CT (CT); Lung-RADS 4B (4B, 4X)" in tried.out
    assert "Nobody was told" in tried.out
    assert len(json.loads(firstread("alerts", "test", path, "--json").out)["alerts"]) == 1
    assert alerts(archive) == []


def test_what_is_no_result_is_said_to_be_none(firstread, archive, tmp_path):
    assert firstread("alerts", "test", "1.2.3").code == 3
    (tmp_path / "result.json").write_text("{}")
    assert firstread("alerts", "test", tmp_path).code == 2


def test_the_sites_file_is_checked_before_it_is_put_in_place(firstread, archive, tmp_path):
    path = tmp_path / "new.toml"
    path.write_text('disable = ["tube-malposition"]\n[clocks]\nminutes = 30\n')
    assert firstread("alerts", "check", path).code == 0
    path.write_text('[channels.pager]\nkind = "webhook"\nurl = "https://pager.example"\n')
    without_key = firstread("alerts", "check", path)
    assert (without_key.code, "no key" in without_key.err) == (2, True)
    path.write_text("[[rules]]\nname = 'x'\n")
    assert "rules.0" in firstread("alerts", "check", path).err


def test_statistics_say_how_long_acknowledging_took(firstread, number):
    firstread("alerts", "acknowledge", number, "--to", "Dr Smith")
    numbers = json.loads(firstread("alerts", "stats", "--json").out)
    assert numbers["levels"][0]["acknowledged"] == 1
    assert "acknowledged" in firstread("alerts", "stats", "--days", 30).out
