import gc
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DatabaseError

from firstread.access.audit import record, record_now
from firstread.access.audit.models import AuditEvent, AuditHead, AuditSubject
from firstread.access.audit.record import KEY_OPTION
from firstread.access.audit.verify import verify
from firstread.archive.columns import now
from firstread.archive.database import reading, writing
from firstread.archive.models import Removal
from firstread.errors import ArchiveUnavailable
from tests.access.audit.trail import accessed, write_trail


def removal():
    return insert(Removal).values(study_uid="1.2", rule="r", instances=1, size=1, removed_at=now())


def count(archive, table=AuditEvent):
    with reading(archive.engine) as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_an_event_and_the_change_that_it_tells_of_are_committed_together(archive):
    with writing(archive.engine) as connection:
        connection.execute(removal())
        record(connection, accessed())
    assert (count(archive), count(archive, Removal)) == (1, 1)


def test_an_event_goes_with_the_change_that_is_undone(archive):
    with pytest.raises(ZeroDivisionError), writing(archive.engine) as connection:
        connection.execute(removal())
        record(connection, accessed())
        raise ZeroDivisionError
    assert (count(archive), count(archive, Removal)) == (0, 0)
    record_now(archive.engine, accessed())
    assert count(archive) == 1


def test_a_change_is_undone_when_its_event_cannot_be_written(archive):
    with writing(archive.engine) as connection:
        connection.execute(text("ALTER TABLE audit_event RENAME TO elsewhere"))
    with pytest.raises((DatabaseError, ArchiveUnavailable)), writing(archive.engine) as connection:
        connection.execute(removal())
        record(connection, accessed())
    assert count(archive, Removal) == 0


def test_an_event_is_not_recorded_where_nothing_can_be_written(archive):
    with reading(archive.engine) as connection, pytest.raises(ValueError, match="writes"):
        record(connection, accessed())


def test_an_event_is_found_by_its_patient_and_study(archive):
    record_now(archive.engine, accessed(3), durable=True)
    with reading(archive.engine) as connection:
        found = connection.execute(select(AuditSubject.kind, AuditSubject.value).order_by(AuditSubject.kind))
        assert [tuple(row) for row in found] == [("patient", "P3"), ("study", "1.2.3.3")]


def test_many_writers_at_once_make_one_chain_without_a_fork(archive):
    def write(n):
        for each in range(10):
            record_now(archive.engine, accessed(10 * n + each), durable=each % 2 == 0)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    with reading(archive.engine) as connection:
        found = verify(connection)
        numbers = connection.execute(select(AuditEvent.id).order_by(AuditEvent.id)).scalars().all()
    assert found.sound
    assert numbers == list(range(1, 81))


def test_a_writer_at_work_keeps_no_other_from_recording(postgres_url, tmp_path):
    from firstread.archive import open_archive

    with open_archive(tmp_path / "archive", url=postgres_url) as archive:
        with writing(archive.engine) as slow:
            record(slow, accessed(1))
            record_now(archive.engine, accessed(2))
            assert count(archive) == 1
        with reading(archive.engine) as connection:
            assert verify(connection).events == 2


@pytest.mark.parametrize("table", ["audit_event", "audit_subject", "audit_head"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET id = id"])
def test_the_database_refuses_to_change_the_trail(archive, table, change):
    write_trail(archive.engine, 2)
    with pytest.raises((DatabaseError, ArchiveUnavailable)), writing(archive.engine) as connection:
        connection.execute(text(change.format(table)))
    with reading(archive.engine) as connection:
        assert verify(connection).sound


def test_events_are_sealed_with_the_key_of_the_engine(archive):
    archive.engine.update_execution_options(**{KEY_OPTION: b"secret"})
    write_trail(archive.engine, 2)
    with reading(archive.engine) as connection:
        rows = connection.execute(select(AuditEvent.seal, AuditEvent.sealer)).all()
        head = connection.execute(select(AuditHead.seal)).scalar_one()
    assert all(len(row.seal) == 64 and len(row.sealer) == 16 for row in rows)
    assert head == rows[-1].seal


def test_a_connection_that_comes_back_from_the_pool_remembers_no_event(archive):
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), writing(archive.engine) as connection:
            record(connection, accessed())
            raise ZeroDivisionError
    gc.collect()
    with writing(archive.engine) as connection:
        connection.execute(removal())
    assert count(archive) == 0
