import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import insert

from firstread.access import Actor
from firstread.access.accounts.account import create_account, find_account
from firstread.access.accounts.links import find_link, new_link
from firstread.access.accounts.sessions import find_session, open_session
from firstread.access.accounts.tokens import create_token, find_token
from firstread.access.audit import Event, EventCode, record_now
from firstread.access.audit import verify as audit_verify
from firstread.archive import open_archive
from firstread.archive.backup import backup, restore
from firstread.archive.database import reading, writing
from firstread.archive.models import Base, Instance, Job, Result, Worker
from firstread.archive.query import find
from firstread.archive.verify import verify
from firstread.errors import FirstreadError, RefusedInput, UsageError
from tests.archive.samples import instances, rows


@pytest.fixture
def filled(archive):
    for instance in [*instances(4), *instances(3, study=2), instances(1, seed=9)[0]]:
        archive.receive(instance)
    return archive


def add_result(archive, folder="results/1.2/1"):
    """A job with its result folder, and a worker that has it."""
    with writing(archive.engine) as connection:
        connection.execute(insert(Job).values(study_key=1, reader="r"))
        connection.execute(insert(Result).values(job_key=1, folder=folder, digest="0" * 64))
        connection.execute(insert(Worker).values(id="w", host="h", process="p"))
    (archive.folder / folder).mkdir(parents=True)
    (archive.folder / folder / "result.json").write_text("{}")


def everything(archive):
    return {
        table.name: rows(archive, mapper.class_)
        for mapper in Base.registry.mappers
        if (table := mapper.local_table) is not None and mapper.class_ is not Worker
    }


def test_a_backup_is_restored_row_for_row_and_file_for_file(filled, tmp_path):
    copied = backup(filled, tmp_path / "backup")
    assert (copied.files, copied.copied, copied.faults) == (8, 8, ())
    with open_archive(tmp_path / "new") as new:
        restored = restore(new, tmp_path / "backup")
        assert (restored.files, restored.copied) == (8, 8)
        assert everything(new) == everything(filled)
        assert sorted(new.files.names()) == sorted(filled.files.names())
        assert verify(new).sound
        assert new.receive(instances(1)[0]).outcome == "duplicate"
        assert new.receive(instances(1, study=3)[0]).outcome == "stored"


def test_results_are_backed_up_and_restored_and_those_that_are_missing_told(filled, tmp_path):
    add_result(filled)
    assert backup(filled, tmp_path / "backup").faults == ()
    with open_archive(tmp_path / "new") as new:
        assert restore(new, tmp_path / "backup").faults == ()
        assert everything(new) == everything(filled)
        assert (new.folder / "results/1.2/1/result.json").read_text() == "{}"
    (filled.folder / "results/1.2/1/result.json").unlink()
    (filled.folder / "results/1.2/1").rmdir()
    assert backup(filled, tmp_path / "backup").faults == ()  # it is there from before
    (fault,) = backup(filled, tmp_path / "other").faults
    assert (fault.name, fault.fault) == ("results/1.2/1", "missing")


def test_a_backup_that_names_a_result_outside_itself_is_refused(filled, tmp_path):
    add_result(filled)
    backup(filled, tmp_path / "backup")
    with closing(sqlite3.connect(tmp_path / "backup" / "archive.sqlite")) as rows_of_backup:
        rows_of_backup.execute("UPDATE result SET folder = 'results/../../1'")
        rows_of_backup.commit()
    with open_archive(tmp_path / "new") as new, pytest.raises(RefusedInput, match="outside"):
        restore(new, tmp_path / "backup")


def test_a_backup_of_sqlite_is_restored_into_postgresql_which_goes_on(sqlite_archive, tmp_path, postgres_url):
    for instance in instances(3):
        sqlite_archive.receive(instance)
    backup(sqlite_archive, tmp_path / "backup")
    with open_archive(tmp_path / "new", url=postgres_url) as new:
        restore(new, tmp_path / "backup")
        for instance in instances(3, study=2):
            assert new.receive(instance).outcome == "stored"
        assert verify(new).files == 6


def test_the_next_backup_copies_only_what_is_new_and_repairs_what_was_damaged(filled, tmp_path):
    backup(filled, tmp_path / "backup")
    filled.receive(instances(1, study=3)[0])
    assert backup(filled, tmp_path / "backup").copied == 1
    damaged = next((tmp_path / "backup" / "instances").rglob("*.dcm"))
    damaged.write_bytes(b"x")
    assert backup(filled, tmp_path / "backup").copied == 1
    with open_archive(tmp_path / "new") as new:
        restore(new, tmp_path / "backup")
        assert verify(new).files == 9


def test_the_rows_are_one_file_without_a_log_beside_it(filled, tmp_path):
    backup(filled, tmp_path / "backup")
    assert sorted(path.name for path in (tmp_path / "backup").iterdir()) == ["archive.sqlite", "instances"]
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "backup").rglob("*")} == {0}


def test_a_file_that_is_damaged_is_told_and_never_copied_over_a_good_one(filled, tmp_path):
    backup(filled, tmp_path / "backup")
    name = rows(filled, Instance)[0].file
    good = (tmp_path / "backup" / "instances" / name).read_bytes()
    filled.files.path(name).write_bytes(b"damaged")
    assert backup(filled, tmp_path / "backup").faults == ()  # the copy is still good
    assert (tmp_path / "backup" / "instances" / name).read_bytes() == good
    assert [fault.fault for fault in backup(filled, tmp_path / "other").faults] == ["damaged"]
    assert not (tmp_path / "other" / "instances" / name).exists()


def test_a_damaged_backup_is_told_file_by_file(filled, tmp_path):
    backup(filled, tmp_path / "backup")
    name = rows(filled, Instance)[2].file
    (tmp_path / "backup" / "instances" / name).write_bytes(b"damaged")
    with open_archive(tmp_path / "new") as new:
        assert [(fault.name, fault.fault) for fault in restore(new, tmp_path / "backup").faults] == [
            (name, "damaged")
        ]
        assert [fault.fault for fault in verify(new).faults] == ["missing"]


def test_an_archive_that_is_not_empty_is_not_restored_over(filled, tmp_path):
    backup(filled, tmp_path / "backup")
    with pytest.raises(UsageError, match="not empty"):
        restore(filled, tmp_path / "backup")


@pytest.mark.parametrize("where", ["archive", "archive/instances/x", "."])
def test_a_backup_inside_or_around_the_archive_is_refused(sqlite_archive, tmp_path, where):
    with pytest.raises(UsageError):
        backup(sqlite_archive, tmp_path / where)


def test_a_folder_that_holds_something_else_is_left_alone(sqlite_archive, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("")
    with pytest.raises(UsageError, match="something else"):
        backup(sqlite_archive, tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_a_forged_backup_cannot_reach_outside(sqlite_archive, tmp_path):
    sqlite_archive.receive(instances(1)[0])
    backup(sqlite_archive, tmp_path / "backup")
    (tmp_path / "secret").write_text("secret")
    with sqlite3.connect(tmp_path / "backup" / "archive.sqlite") as connection:
        connection.execute("UPDATE instance SET file = '../../secret'")
    connection.close()
    with open_archive(tmp_path / "new") as new:
        with pytest.raises(RefusedInput, match="outside"):
            restore(new, tmp_path / "backup")
        assert rows(new, Instance) == []


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"x" * 5000])
def test_what_is_no_backup_is_refused(sqlite_archive, tmp_path, content):
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "archive.sqlite").write_bytes(content)
    with pytest.raises(FirstreadError):
        restore(sqlite_archive, tmp_path / "backup")
    with reading(sqlite_archive.engine) as connection:
        assert find(connection, "study", {}) == []


def test_the_audit_trail_is_restored_and_goes_on(filled, tmp_path):
    event = Event(EventCode.EXPORT, "R", 0, Actor("local", "root"), ["P1"], ["1.2"])
    record_now(filled.engine, event, event)
    backup(filled, tmp_path / "backup")
    with open_archive(tmp_path / "new") as new:
        restore(new, tmp_path / "backup")
        record_now(new.engine, event)
        with reading(new.engine) as connection:
            found = audit_verify.verify(connection)
        assert (found.sound, found.events) == (True, 3)


def test_a_backup_is_not_restored_over_an_audit_trail(filled, tmp_path):
    backup(filled, tmp_path / "backup")
    with open_archive(tmp_path / "new") as new:
        record_now(new.engine, Event(EventCode.EXPORT, "R", 0, Actor("local", "root")))
        with pytest.raises(UsageError, match="not empty"):
            restore(new, tmp_path / "backup")


def test_accounts_and_tokens_are_restored_but_nobody_is_logged_in_by_it(filled, tmp_path):
    with writing(filled.engine) as connection:
        account = create_account(connection, "ada", roles=["radiologist"])
        lasts = timedelta(days=1)
        session = open_session(connection, account.id, way="password", lasts=lasts)
        token = create_token(connection, account.id, "script", scopes=["study.read"], lasts=lasts)
        link = new_link(connection, account.id)
    backup(filled, tmp_path / "backup")
    with open_archive(tmp_path / "new") as fresh:
        restore(fresh, tmp_path / "backup")
        with reading(fresh.engine) as connection:
            assert find_account(connection, "ada") == account
            assert find_token(connection, token) is not None
            assert find_session(connection, session, idle=lasts) is None
            assert find_link(connection, link) is None
