"""What worklists ask: words of names, requests of series, and indexes in the order of a worklist."""

import re

import sqlalchemy as sa
from alembic import op

from firstread.archive.columns import Key, Text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_OF_SERIES = ("step_date", "step_time", "scheduled_step_id", "requested_procedure_id")
_PORTION = 1000
_DELIMITERS = re.compile(r"[\s^=,]+")


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "patient_word",
        sa.Column("id", Key, nullable=False),
        sa.Column("patient_key", Key, nullable=False),
        sa.Column("word", Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_key"], ["patient.id"], name=op.f("fk_patient_word_patient_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_word")),
        sa.UniqueConstraint("patient_key", "word", name=op.f("uq_patient_word_patient_key_word")),
    )
    _add_words(op.get_bind())
    op.create_index(
        op.f("ix_patient_word_word_patient_key"), "patient_word", ["word", "patient_key"], unique=False
    )
    for column in _OF_SERIES:
        op.add_column("series", sa.Column(column, Text, nullable=False, server_default=sa.text("''")))
    op.add_column("instance", sa.Column("bits_allocated", sa.Integer(), nullable=True))
    op.create_index(op.f("ix_series_modality_study_key"), "series", ["modality", "study_key"], unique=False)
    op.drop_index("ix_study_date_time", table_name="study")
    op.create_index("ix_study_date_time", "study", ["study_date", "study_time", "id"], unique=False)


def _add_words(connection: sa.Connection) -> None:
    patient = sa.table("patient", sa.column("id", sa.Integer), sa.column("name_folded", sa.String))
    word = sa.table("patient_word", sa.column("patient_key", sa.Integer), sa.column("word", sa.String))
    last = 0
    while True:
        portion = connection.execute(
            sa.select(patient).where(patient.c.id > last).order_by(patient.c.id).limit(_PORTION)
        ).all()
        if not portion:
            return
        rows = [
            {"patient_key": key, "word": each}
            for key, name in portion
            for each in sorted({tail for part in _DELIMITERS.split(name) for tail in _tails(part)})
        ]
        if rows:
            connection.execute(sa.insert(word), rows)
        last = portion[-1].id


def _tails(word: str) -> list[str]:
    parts = word.split("-")
    return [tail for at in range(len(parts)) if (tail := "-".join(parts[at:]))]


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_column("instance", "bits_allocated")
    for column in _OF_SERIES:
        op.drop_column("series", column)
    op.drop_index("ix_study_date_time", table_name="study")
    op.create_index("ix_study_date_time", "study", ["study_date", "study_time"], unique=False)
    op.drop_index(op.f("ix_series_modality_study_key"), table_name="series")
    op.drop_index(op.f("ix_patient_word_word_patient_key"), table_name="patient_word")
    op.drop_table("patient_word")
