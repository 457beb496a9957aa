"""The worklist: its rows, claims, views under a name, and notices for those who look at a page."""

import sqlalchemy as sa
from alembic import op

from firstread.archive.columns import Key, Moment, Text

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "notice",
        sa.Column("id", Key, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("study_key", Key, nullable=True),
        sa.Column("needs", Text, nullable=False),
        sa.Column("account", Key, nullable=True),
        sa.Column("content", Text, nullable=False),
        sa.Column("at", Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    op.create_index(op.f("ix_notice_at"), "notice", ["at"], unique=False)
    op.add_column("result", sa.Column("summary", Text, nullable=False, server_default=sa.text("'[]'")))
    op.create_table(
        "worklist_entry",
        sa.Column("study_key", Key, autoincrement=False, nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("stage", Text, nullable=False),
        sa.Column("urgency", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("alert", Text, nullable=False),
        sa.Column("report", Text, nullable=False),
        sa.Column("job", Key, nullable=True),
        sa.Column("category", Text, nullable=False),
        sa.Column("summary", Text, nullable=False),
        sa.Column("modalities", Text, nullable=False),
        sa.Column("since", Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_key"], ["study.id"], name=op.f("fk_worklist_entry_study_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("study_key", name=op.f("pk_worklist_entry")),
    )
    _fill(op.get_bind())
    op.create_index("ix_worklist_entry_order", "worklist_entry", ["listed", "urgency", "since", "study_key"])
    op.create_index("ix_worklist_entry_stage", "worklist_entry", ["listed", "stage"])
    op.create_table(
        "reading_claim",
        sa.Column("id", Key, nullable=False),
        sa.Column("study_key", Key, nullable=False),
        sa.Column("owner", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("former", Key, nullable=True),
        sa.Column("reason", Text, nullable=False),
        sa.Column("claimed_at", Moment(timezone=True), nullable=False),
        sa.Column("released_at", Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["former"], ["reading_claim.id"], name=op.f("fk_reading_claim_former"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["study_key"], ["study.id"], name=op.f("fk_reading_claim_study_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reading_claim")),
    )
    op.create_index(op.f("ix_reading_claim_study_key"), "reading_claim", ["study_key"])
    op.create_index(
        "uq_reading_claim_open",
        "reading_claim",
        ["study_key"],
        unique=True,
        sqlite_where=sa.text("released_at IS NULL"),
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_table(
        "saved_view",
        sa.Column("id", Key, nullable=False),
        sa.Column("owner", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("query", Text, nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
        sa.UniqueConstraint("owner", "name", name=op.f("uq_saved_view_owner_name")),
    )


def _fill(connection: sa.Connection) -> None:
    """Make the rows of the studies that are there already; the stages as `firstread.archive.worklist` has them."""
    a_job = "EXISTS (SELECT 1 FROM job WHERE job.study_key = study.id AND job.state = '%s')"
    last = "(SELECT %s FROM job WHERE job.study_key = study.id ORDER BY job.id DESC LIMIT 1)"
    connection.execute(
        sa.text(
            f"""
            INSERT INTO worklist_entry
                (study_key, listed, stage, urgency, priority, alert, report, job, category, summary, modalities, since)
            SELECT study.id,
                EXISTS (SELECT 1 FROM instance JOIN series ON series.id = instance.series_key
                    WHERE series.study_key = study.id
                    AND instance.source NOT IN ('result of firstread', 'fetched as a prior')),
                CASE WHEN {a_job % "running"} THEN 'reading'
                    WHEN study.routed_at IS NULL OR study.routed_at != study.last_received_at THEN 'arriving'
                    WHEN {a_job % "waiting"} THEN 'queued'
                    WHEN {a_job % "done"} THEN 'preliminary'
                    WHEN {a_job % "failed"} THEN 'failed'
                    ELSE 'unread' END,
                COALESCE({last % "job.priority"}, 2) + 1,
                COALESCE({last % "job.priority"}, 2),
                '', '', {last % "job.id"},
                COALESCE((SELECT result.category FROM result JOIN job ON job.id = result.job_key
                    WHERE job.study_key = study.id ORDER BY result.id DESC LIMIT 1), ''),
                '[]', '', study.received_at
            FROM study
            """
        )
    )
    entry = sa.table("worklist_entry", sa.column("study_key", sa.Integer), sa.column("modalities", sa.String))
    found: dict[int, set[str]] = {}
    came = sa.text(
        "SELECT DISTINCT series.study_key, series.modality FROM series JOIN instance "
        "ON instance.series_key = series.id "
        "WHERE series.modality != '' AND instance.source != 'result of firstread'"
    )
    for key, modality in connection.execute(came):
        found.setdefault(key, set()).add(modality)
    for key, modalities in found.items():
        text = "\\".join(sorted(modalities))
        connection.execute(sa.update(entry).where(entry.c.study_key == key).values(modalities=text))


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table("saved_view")
    op.drop_table("reading_claim")
    op.drop_table("worklist_entry")
    op.drop_column("result", "summary")
    op.drop_table("notice")
