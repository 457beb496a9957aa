import json
from base64 import b64decode
from pathlib import Path

import pytest
from lxml import etree

from firstread.access import Actor
from firstread.access.audit import Event, EventCode
from firstread.access.audit.chain import content_of
from firstread.access.audit.message import message_of
from firstread.access.audit.search import Recorded
from firstread.archive.columns import now
from tests.access.audit.trail import MEI

SCHEMA = etree.RelaxNG(etree.parse(str(Path(__file__).parent / "audit-message.rng")))
NODE = Actor("node", "CT1", address="192.0.2.20")


def message(event):
    recorded = Recorded(7, json.loads(content_of(event, 7, now())), "c" * 64)
    made = etree.fromstring(message_of(recorded, source="firstread@hospital"))
    SCHEMA.assertValid(made)
    return made


@pytest.mark.parametrize("code", EventCode)
@pytest.mark.parametrize("actor", [MEI, NODE, Actor("local", "root"), Actor("service", "")])
def test_every_kind_of_event_is_a_message_by_the_schema_of_the_standard(code, actor):
    made = message(
        Event(code, "R", 4, actor, ["P1", "P2"], ["1.2.3"], {"instances": "3", "problem": "no", "a b": "<x>"})
    )
    assert made.find("EventIdentification/EventID").get("csd-code") == code.id
    subtype = made.find("EventIdentification/EventTypeCode")
    assert (subtype.get("csd-code") if subtype is not None else "") == code.subtype
    message(Event(code, "E", 0, actor))


def test_a_message_says_who_did_what_to_whose_data():
    made = message(Event(EventCode.INSTANCES_ACCESSED, "R", 0, MEI, ["P1"], ["1.2.3"], {"instances": "3"}))
    who = made.find("ActiveParticipant[@UserIsRequestor='true']")
    assert (who.get("UserID"), who.get("NetworkAccessPointID"), who.get("NetworkAccessPointTypeCode")) == (
        "mei", "192.0.2.7", "2",
    )  # fmt: skip
    objects = {
        each.find("ParticipantObjectIDTypeCode").get("csd-code"): each.get("ParticipantObjectID")
        for each in made.findall("ParticipantObjectIdentification")
    }
    assert (objects["110180"], objects["2"]) == ("1.2.3", "P1")
    assert made.find(".//SOPClass").get("NumberOfInstances") == "3"
    assert made.find("AuditSourceIdentification").get("AuditSourceID") == "firstread@hospital"


def test_a_query_holds_what_was_asked():
    made = message(
        Event(EventCode.QUERY, "E", 0, NODE, detail={"query": "PatientName=王*", "sop_class": "1.2"})
    )
    assert b64decode(made.find(".//ParticipantObjectQuery").text).decode() == "PatientName=王*"
    assert made.find("ActiveParticipant").get("AlternativeUserID") == "AETITLES=CT1"


def test_a_message_holds_the_place_of_the_event_in_the_chain():
    made = message(Event(EventCode.LOGIN, "E", 8, MEI, detail={"problem": "wrong password"}))
    details = {
        each.get("type"): b64decode(each.get("value")).decode()
        for each in made.iter("ParticipantObjectDetail")
    }
    assert details["chain"] == f"7 {'c' * 64}"
    assert made.find("EventIdentification/EventOutcomeDescription").text == "wrong password"


def test_a_received_study_has_its_sender_as_source_and_a_sent_one_firstread():
    received = message(Event(EventCode.INSTANCES_TRANSFERRED, "C", 0, NODE, ["P"], ["1.2"]))
    sent = message(
        Event(EventCode.EXPORT, "R", 0, Actor("service", "worker"), ["P"], ["1.2"], {"destination": "pacs"})
    )
    roles = lambda made: {  # noqa: E731
        each.get("UserID"): [role.get("csd-code") for role in each.findall("RoleIDCode")]
        for each in made.findall("ActiveParticipant")
    }
    assert roles(received) == {"CT1": ["110153"], "firstread": ["110152"]}
    assert roles(sent) == {"worker": [], "firstread": ["110153"], "pacs": ["110154"]}


def test_what_xml_cannot_hold_is_replaced_and_markup_stays_text():
    hostile = Actor("node", 'A"><evil/>\x01\ud800&amp;')
    made = message(Event(EventCode.QUERY, "E", 0, hostile, ["<b>\x00"], ["1.2"], {"\x02": "\x03"}))
    assert made.find("ActiveParticipant").get("UserID") == 'A"><evil/>\ufffd\ufffd&amp;'
    assert made.find(".//evil") is None


def test_a_message_is_one_line():
    event = Event(EventCode.LOGIN, "E", 8, MEI, detail={"problem": "one\ntwo"})
    recorded = Recorded(7, json.loads(content_of(event, 7, now())), "c")
    assert b"\n" not in message_of(recorded, source="s")
