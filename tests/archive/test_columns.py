from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import StatementError

from firstread.archive.columns import new_token, now
from firstread.archive.database import reading, writing
from firstread.archive.models import Patient, Removal


def test_moments_are_kept_in_utc_to_the_microsecond_in_both_databases(archive):
    moment = datetime(2025, 1, 2, 3, 4, 5, 678901, timezone(timedelta(hours=8)))
    row = {"study_uid": "1.2", "rule": "r", "instances": 1, "size": 1, "removed_at": moment}
    with writing(archive.engine) as connection:
        connection.execute(insert(Removal).values(**row))
    with reading(archive.engine) as connection:
        kept = connection.execute(select(Removal.removed_at)).scalar_one()
    assert (kept, kept.tzinfo) == (moment, UTC)


def test_a_moment_without_a_time_zone_is_refused(sqlite_archive):
    row = {"study_uid": "1.2", "rule": "r", "instances": 1, "size": 1, "removed_at": datetime(2025, 1, 2)}
    with writing(sqlite_archive.engine) as connection, pytest.raises(StatementError, match="time zone"):
        connection.execute(insert(Removal).values(**row))


def test_texts_are_sorted_by_code_point_in_both_databases(archive):
    names = ["Zoë", "abe", "Abe", "ähn", "王", "_x"]
    rows = [
        {"key": n, "patient_id": n, "issuer": "", "name": n, "name_folded": n, "birth_date": "", "sex": ""}
        for n in names
    ]
    with writing(archive.engine) as connection:
        connection.execute(insert(Patient), rows)
    with reading(archive.engine) as connection:
        kept = list(connection.execute(select(Patient.name).order_by(Patient.name)).scalars())
    assert kept == sorted(names)


def test_now_has_a_time_zone_and_no_token_comes_twice():
    assert now().tzinfo is UTC
    assert len({new_token() for _ in range(100)}) == 100
