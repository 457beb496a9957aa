import pytest
from sqlalchemy import text

from firstread.archive.database import reading, writing
from firstread.archive.models import Patient, Study

WORKLIST = """
SELECT study.id FROM study JOIN patient ON patient.id = study.patient_key
WHERE study.study_date >= '20250101' AND study.study_date <= '20250107'
ORDER BY study.study_date DESC, study.study_time DESC, study.id DESC LIMIT 50
"""


def test_a_range_of_dates_uses_its_index(sqlite_archive):
    with reading(sqlite_archive.engine) as connection:
        plan = " ".join(row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {WORKLIST}")))
    assert "USING INDEX ix_study_date_time" in plan


@pytest.mark.parametrize(
    ("column", "prefix", "index"),
    [
        (Patient.name_folded, "doe*", "ix_patient_name_folded"),
        (Study.accession_number, "A1*", "accession_number"),
    ],
)
def test_a_prefix_uses_its_index(sqlite_archive, column, prefix, index):
    from sqlalchemy import select

    from firstread.archive.matching import condition

    statement = select(column).where(condition("text", column, prefix, keyword="x"))
    literal = statement.compile(sqlite_archive.engine, compile_kwargs={"literal_binds": True})
    with writing(sqlite_archive.engine) as connection:
        plan = " ".join(
            row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {literal}").fetchall()
        )
    assert "SEARCH" in plan
    assert index in plan


@pytest.mark.parametrize(
    ("value", "name", "fits"),
    [
        ("*50%_a*", "x50%_ab", True),
        ("*50%_a*", "x50xxab", False),
        ("**oe*", "doe", True),
        ("*oe*", "DOE", False),
        ("*d?e*", "doe^john", True),
        ("*o*n*", "doe^john", True),
        ("*oe", "doe^john", False),
    ],
)
def test_a_part_of_a_text_is_found_as_it_is_written(archive, value, name, fits):
    from sqlalchemy import literal, select

    from firstread.archive.matching import condition

    with reading(archive.engine) as connection:
        asked = select(condition("text", literal(name), value, keyword="x"))
        assert bool(connection.execute(asked).scalar_one()) is fits
