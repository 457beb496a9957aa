import json

import pytest

from firstread.access import Actor
from firstread.access.audit.models import AuditEvent
from firstread.alerts.configuration import shipped
from firstread.alerts.rules import Conditions, Rule
from firstread.alerts.site_rules import (
    BEFORE_ALL,
    Changes,
    RulesChanged,
    change,
    configuration_now,
    history,
    named,
    newest,
    version,
)
from firstread.archive.database import reading, writing
from firstread.errors import UsageError
from firstread.settings import Settings
from tests.archive.samples import rows

ROOT = Actor("person", "root")
OWN = Rule(name="own", title="Own", level="days", when=Conditions(concepts=("nodule",)))
OFF = named(shipped().rules, "tuberculosis").model_copy(update={"enabled": False})


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "alerts.toml"
    path.write_text('disable = ["cardiac-tamponade"]')
    return Settings(alerts_file=path)


def changed(archive, changes, *, seen, act="changed", rule=""):
    with writing(archive.engine) as connection:
        return change(connection, changes, ROOT, seen=seen, act=act, rule=rule)


def held(archive, settings):
    with reading(archive.engine) as connection:
        return configuration_now(connection, settings)


def test_until_something_is_changed_the_files_hold(archive, settings):
    with reading(archive.engine) as connection:
        assert newest(connection) == BEFORE_ALL
    assert len(held(archive, settings).rules) == len(shipped().rules) - 1


def test_own_rules_come_before_or_in_place_of_those_of_the_files(archive, settings):
    assert changed(archive, Changes().with_rule(OWN).with_rule(OFF), seen=0) == 1
    rules = held(archive, settings).rules
    assert rules[0] == OWN
    assert len(rules) == len(shipped().rules)
    assert not named(rules, "tuberculosis").enabled
    assert named(rules, "cardiac-tamponade") is None


def test_a_change_on_what_another_has_changed_is_refused(archive):
    changed(archive, Changes(rules=(OWN,)), seen=0)
    with pytest.raises(RulesChanged):
        changed(archive, Changes(), seen=0)
    with reading(archive.engine) as connection:
        assert newest(connection).changes.rules == (OWN,)


def test_the_history_says_who_did_what_and_has_every_version_whole(archive, settings):
    changed(archive, Changes(rules=(OWN,)), seen=0, act="added", rule="own")
    changed(archive, Changes(), seen=1, act="removed", rule="own")
    with reading(archive.engine) as connection:
        told = [(each.number, each.actor, each.act, each.rule) for each in history(connection)]
        earlier = version(connection, 1).changes
        assert version(connection, 7) is None
    assert told == [(2, "root", "removed", "own"), (1, "root", "added", "own")]
    changed(archive, earlier, seen=2, act="undone")
    assert held(archive, settings).rules[0] == OWN


def test_a_change_is_in_the_audit_trail_as_one_of_the_configuration(archive):
    changed(archive, Changes(rules=(OWN,)), seen=0, act="added", rule="own")
    (event,) = rows(archive, AuditEvent)
    assert (event.code, event.subtype, event.actor) == ("110113", "110131", "root")
    assert json.loads(event.content)["detail"] == {"what": "alert rule added", "rule": "own", "version": "1"}


def test_a_version_that_cannot_be_used_is_said_and_does_not_hide_the_others(archive, settings):
    changed(archive, Changes(rules=(OWN,)), seen=0)
    with writing(archive.engine) as connection:
        connection.exec_driver_sql('UPDATE alert_rules SET content = \'{"rules": [{"colour": 1}]}\'')
    with pytest.raises(UsageError, match="Version 1"):
        held(archive, settings)
    with reading(archive.engine) as connection:
        assert len(history(connection)) == 1
    changed(archive, BEFORE_ALL.changes, seen=1, act="undone")
    assert held(archive, settings).rules
