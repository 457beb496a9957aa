"""What the durable path of a study needs: routed studies, revisions of jobs, tries, workers.

Job, result and delivery are made anew and filled again: SQLite adds no constraint to a table that is there, and where
one is dropped it deletes what refers to it.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from firstread.archive.columns import Key, Moment, Text, new_token

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ROUTINE = 2
_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def upgrade() -> None:
    """Go to this revision; studies that came before count as routed, since nothing was read by itself then."""
    op.add_column("study", sa.Column("routed_at", Moment(), nullable=True))
    op.execute("UPDATE study SET routed_at = last_received_at")
    op.create_table(
        "worker",
        sa.Column("id", Text, nullable=False),
        sa.Column("host", Text, nullable=False),
        sa.Column("process", Text, nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("seen_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
    )
    op.create_index(op.f("ix_worker_seen_at"), "worker", ["seen_at"], unique=False)
    rows = _take(_tables(_plain()))
    _revise(rows["job"])
    _newest_result_each(rows)
    _put(_tables(_revised()), rows)


def downgrade() -> None:
    """Go back to the one before."""
    _put(_tables(_plain()), _take(_tables(_revised())))
    op.drop_index(op.f("ix_worker_seen_at"), table_name="worker")
    op.drop_table("worker")
    op.drop_column("study", "routed_at")


def _revise(jobs: list[dict[str, Any]]) -> None:
    """Make the jobs of one study and reader revisions, in the order in which they were made."""
    former: dict[tuple[int, str], list[int]] = defaultdict(list)
    for job in jobs:
        before = former[job["study_key"], job["reader"]]
        job |= {
            "revision": len(before) + 1,
            "predecessor": before[-1] if before else None,
            "route": "",
            "series_uid": "",
            "lang": "en",
            "destinations": "[]",
            "priority": _ROUTINE,
            "workflow_id": new_token(),
            "next_try_at": None,
            "worker": "",
            "claim": "",
            "stage": "",
            "progress": 0.0,
            "images": 0,
            "content": "",
        }
        before.append(job["id"])


def _newest_result_each(rows: dict[str, list[dict[str, Any]]]) -> None:
    """Keep the newest result of each job, with its deliveries: a job has one from now on."""
    kept = {result["job_key"]: result["id"] for result in rows["result"]}
    rows["result"] = [row | {"predecessor": None} for row in rows["result"] if row["id"] in kept.values()]
    rows["delivery"] = [
        row | {"next_try_at": None, "workflow_id": new_token()}
        for row in rows["delivery"]
        if row["result_key"] in kept.values()
    ]


def _take(tables: list[sa.Table]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the tables by table, and drop them."""
    bind = op.get_bind()
    rows = {
        table.name: [dict(row) for row in bind.execute(sa.select(table).order_by(table.c.id)).mappings()]
        for table in tables
    }
    for table in reversed(tables):
        table.drop(bind)
    return rows


def _put(tables: list[sa.Table], rows: Mapping[str, list[dict[str, Any]]]) -> None:
    """Make the tables and fill them; values of columns that a table lacks are left out."""
    bind = op.get_bind()
    for table in tables:
        table.create(bind)
        for row in rows[table.name]:
            bind.execute(sa.insert(table).values({column.name: row[column.name] for column in table.c}))
        if bind.dialect.name == "postgresql" and rows[table.name]:
            bind.execute(
                sa.text(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id)) FROM {table.name}"
                )
            )


def _plain() -> dict[str, list[sa.schema.SchemaItem]]:
    return {"job": [], "result": [sa.Index(None, "job_key")], "delivery": []}


def _revised() -> dict[str, list[sa.schema.SchemaItem]]:
    return {
        "job": [
            sa.Column("revision", sa.Integer(), nullable=False),
            sa.Column("predecessor", Key, sa.ForeignKey("job.id", ondelete="SET NULL")),
            sa.Column("route", Text, nullable=False),
            sa.Column("series_uid", Text, nullable=False),
            sa.Column("lang", Text, nullable=False),
            sa.Column("destinations", Text, nullable=False),
            sa.Column("workflow_id", Text, nullable=False, unique=True),
            sa.Column("next_try_at", Moment()),
            sa.Column("worker", Text, nullable=False),
            sa.Column("claim", Text, nullable=False),
            sa.Column("stage", Text, nullable=False),
            sa.Column("progress", sa.Double(), nullable=False),
            sa.Column("images", sa.Integer(), nullable=False),
            sa.Column("content", Text, nullable=False),
            sa.UniqueConstraint("study_key", "reader", "revision"),
        ],
        "result": [
            sa.Column("predecessor", Key, sa.ForeignKey("result.id", ondelete="SET NULL")),
            sa.UniqueConstraint("job_key"),
        ],
        "delivery": [
            sa.Column("workflow_id", Text, nullable=False, unique=True),
            sa.Column("next_try_at", Moment()),
        ],
    }


def _tables(added: Mapping[str, list[sa.schema.SchemaItem]]) -> list[sa.Table]:
    """Return job, result and delivery as 0001 has them, with what is added."""
    metadata = sa.MetaData(naming_convention=_NAMES)
    sa.Table("study", metadata, sa.Column("id", Key, primary_key=True))
    return [
        sa.Table(
            "job",
            metadata,
            sa.Column("id", Key, primary_key=True),
            sa.Column(
                "study_key", Key, sa.ForeignKey("study.id", ondelete="CASCADE"), nullable=False, index=True
            ),
            sa.Column("reader", Text, nullable=False),
            sa.Column("state", Text, nullable=False, index=True),
            sa.Column("priority", sa.Integer(), nullable=False),
            sa.Column("attempts", sa.Integer(), nullable=False),
            sa.Column("created_at", Moment(), nullable=False),
            sa.Column("started_at", Moment()),
            sa.Column("ended_at", Moment()),
            sa.Column("error", Text, nullable=False),
            *added["job"],
            sqlite_autoincrement=True,
        ),
        sa.Table(
            "result",
            metadata,
            sa.Column("id", Key, primary_key=True),
            sa.Column("job_key", Key, sa.ForeignKey("job.id", ondelete="CASCADE"), nullable=False),
            sa.Column("folder", Text, nullable=False, unique=True),
            sa.Column("digest", Text, nullable=False),
            sa.Column("category", Text, nullable=False),
            sa.Column("created_at", Moment(), nullable=False),
            *added["result"],
        ),
        sa.Table(
            "delivery",
            metadata,
            sa.Column("id", Key, primary_key=True),
            sa.Column("result_key", Key, sa.ForeignKey("result.id", ondelete="CASCADE"), nullable=False),
            sa.Column("destination", Text, nullable=False),
            sa.Column("document", Text, nullable=False),
            sa.Column("state", Text, nullable=False, index=True),
            sa.Column("attempts", sa.Integer(), nullable=False),
            sa.Column("created_at", Moment(), nullable=False),
            sa.Column("sent_at", Moment()),
            sa.Column("error", Text, nullable=False),
            sa.UniqueConstraint("result_key", "destination", "document"),
            *added["delivery"],
        ),
    ]
