import pytest
from sqlalchemy import select, text

from firstread.access.audit.chain import keys_of, link
from firstread.access.audit.models import AuditEvent
from firstread.access.audit.record import KEY_OPTION
from firstread.access.audit.verify import Anchor, verify
from firstread.archive.database import reading
from tests.access.audit.trail import unguarded, write_trail


def check(archive, **options):
    with reading(archive.engine) as connection:
        return verify(connection, **options)


def faults(archive, **options):
    return [(fault.number, fault.problem) for fault in check(archive, **options).faults]


def test_an_empty_trail_is_sound(archive):
    assert check(archive).sound


def test_a_trail_is_sound_and_says_where_it_ends(archive):
    write_trail(archive.engine, 20)
    found = check(archive)
    assert (found.sound, found.events, found.head.number) == (True, 20, 20)


def test_one_byte_that_was_changed_in_ten_thousand_events_is_found_and_located(archive):
    write_trail(archive.engine, 10_000)
    assert check(archive).sound
    with reading(archive.engine) as connection:
        content = connection.execute(select(AuditEvent.content).where(AuditEvent.id == 6_789)).scalar_one()
    changed = content.replace('"does":"R"', '"does":"U"')
    assert sum(a != b for a, b in zip(content, changed, strict=True)) == 1
    unguarded(archive.engine, f"UPDATE audit_event SET content = '{changed}' WHERE id = 6789")
    assert faults(archive) == [(6_789, "it was changed, or its hash was")]


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (["UPDATE audit_event SET chain = 'x' || substr(chain, 2) WHERE id = 3"], (3, "changed")),
        (["UPDATE audit_event SET actor = 'nobody' WHERE id = 3"], (3, "searched by")),
        (["UPDATE audit_event SET at = '2001-01-01 00:00:00' WHERE id = 3"], (3, "searched by")),
        (["UPDATE audit_event SET outcome = 8 WHERE id = 3"], (3, "searched by")),
        (["UPDATE audit_subject SET value = 'P9' WHERE event_key = 3 AND kind = 'patient'"], (3, "searched by")),
        (["DELETE FROM audit_subject WHERE event_key = 3"], (3, "searched by")),
        (["DELETE FROM audit_subject WHERE event_key = 3", "DELETE FROM audit_event WHERE id = 3"], (3, "missing")),
        (["DELETE FROM audit_subject WHERE event_key < 3", "DELETE FROM audit_event WHERE id < 3"],
         (1, "all up to 2 are missing")),
        (["DELETE FROM audit_subject WHERE event_key > 8", "DELETE FROM audit_event WHERE id > 8"],
         (9, "all up to 10 are missing")),
        (["DELETE FROM audit_head"], (0, "missing")),
        (["UPDATE audit_head SET number = 9"], (0, "not at its end")),
        (["UPDATE audit_head SET chain = ''"], (0, "not at its end")),
    ],
)  # fmt: skip
def test_what_was_changed_or_deleted_is_found_where_it_was(archive, statements, expected):
    write_trail(archive.engine, 10)
    unguarded(archive.engine, *statements)
    ((number, problem),) = faults(archive)
    assert number == expected[0]
    assert expected[1] in problem


def test_events_that_changed_places_are_found(archive):
    write_trail(archive.engine, 10)
    move = "UPDATE audit_event SET id = {} WHERE id = {}"
    unguarded(
        archive.engine,
        "DELETE FROM audit_subject",
        *(move.format(to, at) for to, at in ((99, 3), (3, 4), (4, 99))),
    )
    assert [number for number, _ in faults(archive)][:2] == [1, 2]  # what they were searched by
    assert {3, 4} <= {number for number, problem in faults(archive) if "changed, or its hash" in problem}


def rewritten(archive, first):
    """Statements that change an event and compute everything after it anew, as one does who knows how."""
    with reading(archive.engine) as connection:
        rows = connection.execute(
            select(AuditEvent.id, AuditEvent.content, AuditEvent.chain).order_by(AuditEvent.id)
        ).all()
    chain = rows[first - 2].chain
    for row in rows[first - 1 :]:
        content = row.content.replace('"does":"R"', '"does":"U"') if row.id == first else row.content
        chain = link(chain, content)
        yield f"UPDATE audit_event SET content = '{content}', chain = '{chain}' WHERE id = {row.id}"
    yield f"UPDATE audit_head SET chain = '{chain}'"


def test_a_chain_that_was_computed_anew_has_false_seals(archive):
    archive.engine.update_execution_options(**{KEY_OPTION: b"secret"})
    write_trail(archive.engine, 10)
    keys = keys_of([b"secret"])
    assert (check(archive, keys=keys).sound, check(archive, keys=keys).sealed) == (True, 10)
    unguarded(archive.engine, *rewritten(archive, 4))
    assert faults(archive) == []  # without the key nobody can tell
    assert [number for number, _ in faults(archive, keys=keys)] == [4, 5, 6, 7, 8, 9, 10, 0]


def test_a_chain_that_was_computed_anew_is_not_the_one_that_was_written_down(archive):
    write_trail(archive.engine, 10)
    anchor = check(archive).head
    write_trail(archive.engine, 5)
    assert check(archive, anchors=[anchor]).sound
    unguarded(archive.engine, *rewritten(archive, 4))
    ((number, problem),) = faults(archive, anchors=[anchor])
    assert (number, "written down" in problem) == (10, True)


def test_events_that_were_cut_off_with_the_head_are_missed_by_what_was_written_down(archive):
    write_trail(archive.engine, 10)
    anchor = check(archive).head
    unguarded(
        archive.engine,
        "DELETE FROM audit_subject WHERE event_key > 8",
        "DELETE FROM audit_event WHERE id > 8",
        "UPDATE audit_head SET number = 8, chain = (SELECT chain FROM audit_event WHERE id = 8)",
    )
    assert faults(archive) == []
    assert faults(archive, anchors=[anchor]) == [(10, "it was written down, and is missing")]


def test_an_event_without_a_seal_after_sealed_ones_is_found(archive):
    archive.engine.update_execution_options(**{KEY_OPTION: b"secret"})
    write_trail(archive.engine, 3)
    unguarded(archive.engine, "UPDATE audit_event SET seal = '', sealer = '' WHERE id = 2")
    assert faults(archive, keys=keys_of([b"secret"])) == [(2, "its seal is missing")]


def test_after_a_new_key_the_former_one_is_needed_too(archive):
    write_trail(archive.engine, 2)  # before there was a key
    for secret in (b"former", b"new"):
        archive.engine.update_execution_options(**{KEY_OPTION: secret})
        write_trail(archive.engine, 2)
    found = check(archive, keys=keys_of([b"new", b"former"]))
    assert (found.sound, found.events, found.sealed) == (True, 6, 4)
    assert [number for number, _ in faults(archive, keys=keys_of([b"new"]))] == [3, 4]


def test_something_else_in_place_of_an_event_is_found(archive):
    write_trail(archive.engine, 2)
    with reading(archive.engine) as connection:
        before = connection.execute(text("SELECT chain FROM audit_event WHERE id = 1")).scalar_one()
    chain = link(before, "[]")
    unguarded(
        archive.engine,
        f"UPDATE audit_event SET content = '[]', chain = '{chain}' WHERE id = 2",
        f"UPDATE audit_head SET chain = '{chain}'",
    )
    assert faults(archive) == [(2, "it is no event")]


def test_a_hash_that_is_not_the_one_that_was_written_down_is_found(archive):
    write_trail(archive.engine, 3)
    assert faults(archive, anchors=[Anchor(2, "0" * 64)]) == [
        (2, "its hash is another than the one that was written down")
    ]
