from firstread.access import Actor
from firstread.access.audit import Event, EventCode
from firstread.access.audit.chain import SealKey, content_of, link, searchable, subjects
from firstread.archive.columns import now


def test_the_content_of_an_event_is_one_text_whatever_the_order_of_its_parts():
    at = now()
    actor = Actor("person", "mei", roles=frozenset({"radiologist", "auditor"}))
    one = Event(EventCode.QUERY, "E", 0, actor, detail={"b": "2", "a": "1"})
    other = Event(EventCode.QUERY, "E", 0, actor, detail={"a": "1", "b": "2"})
    assert content_of(one, 7, at) == content_of(other, 7, at)
    assert content_of(one, 7, at) != content_of(one, 8, at)


def test_the_content_is_ascii_whatever_a_name_holds():
    actor = Actor("node", "王\0\udc80")
    assert content_of(Event(EventCode.QUERY, "E", 0, actor), 1, now()).isascii()


def test_a_hash_depends_on_the_event_before():
    assert link("a", "content") != link("b", "content")


def test_a_seal_is_of_one_key_one_number_and_one_hash():
    key, other = SealKey(b"one"), SealKey(b"other")
    seal = key.seal(1, "abc")
    assert key.is_seal(seal, 1, "abc")
    assert not key.is_seal(seal, 2, "abc")
    assert not key.is_seal(seal, 1, "abd")
    assert not other.is_seal(seal, 1, "abc")


def test_the_name_and_the_text_of_a_key_do_not_give_it_away():
    key = SealKey(b"hunter2")
    assert "hunter2" not in repr(key)
    assert key.name != SealKey(b"hunter3").name


def test_what_is_searched_by_is_there_once_and_storable():
    assert subjects(["P1", "P1", ""], ["1.2"]) == [("patient", "P1"), ("study", "1.2")]
    assert searchable("a\0b\udc80") == "a\\x00b\\udc80"
