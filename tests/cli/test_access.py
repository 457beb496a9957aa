"""The commands of `firstread access`, one after another as an administrator would use them."""

import json

import pytest

from firstread.archive import open_archive
from tests.access.world import INSIDE, OUTSIDE, fill
from tests.cli.conftest import firstread  # noqa: F401 - a fixture


@pytest.fixture
def access(firstread, monkeypatch, tmp_path):  # noqa: F811
    with open_archive(tmp_path / "archive") as archive:
        fill(archive)
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "archive"))

    def run(*arguments, code=0):
        ended = firstread("access", *arguments)
        assert ended.code == code, ended.err
        return ended.out

    return run


def test_a_right_is_given_explained_and_revoked(access):
    given = access("grant", "node:VIEWER", "study.read", "--in", "modality:ct", "--in", "department:Chest")
    number = given.split()[1].rstrip(":")
    assert given == f"Rule {number}: allow node:VIEWER study.read in department:Chest;modality:CT.\n"
    assert given.strip() in access("explain", "node:VIEWER", "study.read", INSIDE.study)
    assert access("explain", "node:VIEWER", "study.read", OUTSIDE.study).startswith("Denied.")
    told = json.loads(access("explain", "node:VIEWER", "study.read", INSIDE.study, "--json"))
    assert (told["allowed"], told["rule"]["id"]) == (True, int(number))
    assert len(json.loads(access("rules", "node:VIEWER", "--json"))) == 1
    access("revoke", number)
    assert access("explain", "node:VIEWER", "study.read").startswith("Denied. No rule gives it.")
    access("revoke", number, code=2)


def test_what_is_denied_is_explained_by_the_rule_that_denies(access):
    access("roles", "give", "bob", "administrator")
    denied = access("deny", "bob", "study.read", "--in", f"patient:{OUTSIDE.patient_id}")
    assert denied.strip() in access("explain", "bob", "study.read", OUTSIDE.study)
    assert access("explain", "bob", "study.read", INSIDE.study).startswith("Allowed. Rule")
    assert "person:bob is role:administrator." in access("explain", "bob", "study.read")
    access("roles", "take", "bob", "administrator")
    access("roles", "take", "bob", "administrator", code=2)


def test_departments_projects_and_patients_are_said(access):
    access("departments", "map", "ae", "CT1", "Emergency")
    access("departments", "give", "node:VIEWER", "Emergency")
    rows = json.loads(access("departments", "list", "--json"))
    assert [(row["kind"], row["name"]) for row in rows] == [("ae", "ct1"), ("member", "node:VIEWER")]
    assert access("departments", "unmap", "ae", "ct1").startswith("2 studies")
    access("projects", "create", "trial")
    access("projects", "put", "trial", INSIDE.study, OUTSIDE.study)
    access("projects", "drop", "trial", OUTSIDE.study)
    access("projects", "give", "carol", "trial")
    trial = json.loads(access("projects", "list", "--json"))[1]
    assert trial == {"project": "trial", "studies": 1, "members": "person:carol"}
    access("projects", "remove", "trial")
    access("datasets", "create", "validation")
    access("datasets", "put", "validation", INSIDE.study)
    assert json.loads(access("datasets", "list", "--json")) == [{"dataset": "validation", "studies": 1}]
    access("treats", "named", "bob", "HOUSE^GREGORY")
    access("treats", "begin", "bob", OUTSIDE.patient_id, "--until", "2099-01-31")
    assert OUTSIDE.patient_id in access("treats", "list", "bob")
    access("roles", "give", "bob", "clinician")
    for case in (INSIDE, OUTSIDE):
        assert access("explain", "bob", "study.read", case.study).startswith("Allowed.")
    access("treats", "unnamed", "bob", "HOUSE^GREGORY")
    access("treats", "end", "bob", OUTSIDE.patient_id)
    for case in (INSIDE, OUTSIDE):
        assert access("explain", "bob", "study.read", case.study).startswith("Denied.")


def test_glass_is_broken_listed_reviewed_and_closed(access):
    scope, reason = f"patient:{OUTSIDE.patient_id}", "Collapsed in the ward."
    access("break-glass", "begin", "bob", scope, "--reason", reason, code=6)
    access("roles", "give", "bob", "clinician")
    assert access("break-glass", "begin", "bob", scope, "--reason", reason).startswith("Broken glass 1:")
    assert "Broken glass 1" in access("explain", "bob", "study.read", OUTSIDE.study)
    (row,) = json.loads(access("break-glass", "list", "--unseen", "--json"))
    assert (row["actor"], row["reason"]) == ("person:bob", reason)
    access("break-glass", "review", "1")
    assert json.loads(access("break-glass", "list", "--unseen", "--json")) == []
    access("break-glass", "end", "1")
    assert access("explain", "bob", "study.read", OUTSIDE.study).startswith("Denied.")


def test_roles_are_made_and_removed(access):
    access("roles", "add", "physicist", "--description", "Looks at phantoms")
    access("grant", "role:physicist", "job.read")
    (made,) = [row for row in json.loads(access("roles", "list", "--json")) if row["role"] == "physicist"]
    assert made["rights"] == "job.read"
    access("roles", "remove", "physicist")
    assert "physicist" not in access("roles", "list")
