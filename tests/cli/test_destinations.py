import json

import pytest

from tests.network.conftest import free_port


@pytest.fixture
def configured(monkeypatch, tmp_path):
    """A folder that is there, a node that is not, and a webhook with a secret, as destinations of the settings."""
    share = tmp_path / "share"
    share.mkdir()
    named = {
        "share": f"folder:{share}",
        "pacs": {"address": f"PACS@127.0.0.1:{free_port()}", "documents": ["sr"]},
        "ris": "webhook:https://ris.example/hook",
    }
    monkeypatch.setenv("FIRSTREAD_DESTINATIONS", json.dumps(named))
    monkeypatch.setenv("FIRSTREAD_DESTINATION_SECRETS", json.dumps({"ris": "not for others' eyes"}))
    return share


def test_destinations_are_listed_without_their_secrets(firstread, configured):
    told = firstread("destinations", "list")
    assert told.code == 0
    assert f"folder   {configured}" in told.out
    assert "eyes" not in told.out
    listed = {each["name"]: each for each in json.loads(firstread("destinations", "list", "--json").out)}
    assert (listed["pacs"]["kind"], listed["pacs"]["documents"]) == ("dicom", ["sr"])
    assert (listed["ris"]["secret"], listed["share"]["secret"]) == (True, False)


def test_one_that_cannot_work_as_it_is_set_is_listed_with_what_is_wrong(firstread, configured, monkeypatch):
    monkeypatch.delenv("FIRSTREAD_DESTINATION_SECRETS")
    told = firstread("destinations", "list", "--json")
    assert told.code == 0
    problems = {each["name"]: each["problem"] for each in json.loads(told.out)}
    assert "has no key" in problems.pop("ris")
    assert set(problems.values()) == {""}


def test_where_there_is_none_it_is_said(firstread):
    assert firstread("destinations", "list").out == "No destination.\n"


def test_one_that_works_ends_with_0_one_that_does_not_with_5_and_one_that_is_none_with_2(
    firstread, configured
):
    works = firstread("destinations", "test", "share")
    assert (works.code, works.out) == (0, f"{configured} can be written to.\n")
    away = firstread("destinations", "test", "pacs")
    assert (away.code, away.out) == (5, "")
    assert "does not answer" in away.err
    none = firstread("destinations", "test", "pcas")
    assert none.code == 2
    assert "pacs, ris, share" in none.err


def test_an_address_that_is_none_ends_with_2(firstread, monkeypatch):
    monkeypatch.setenv("FIRSTREAD_DESTINATIONS", '{"pacs": "10.0.0.5"}')
    told = firstread("destinations", "list")
    assert told.code == 2
    assert "AE@HOST:PORT" in told.err
