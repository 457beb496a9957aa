"""The audit trail, which the database itself lets nobody change."""

import sqlalchemy as sa
from alembic import op

from firstread.archive.columns import Key, Moment, Text

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("audit_event", "audit_subject")


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "audit_event",
        sa.Column("id", Key, autoincrement=False, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("code", Text, nullable=False),
        sa.Column("subtype", Text, nullable=False),
        sa.Column("outcome", sa.Integer(), nullable=False),
        sa.Column("actor", Text, nullable=False),
        sa.Column("content", Text, nullable=False),
        sa.Column("chain", Text, nullable=False),
        sa.Column("seal", Text, nullable=False),
        sa.Column("sealer", Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index(op.f("ix_audit_event_at"), "audit_event", ["at"], unique=False)
    op.create_index(op.f("ix_audit_event_actor_id"), "audit_event", ["actor", "id"], unique=False)
    op.create_index(op.f("ix_audit_event_code_id"), "audit_event", ["code", "id"], unique=False)
    op.create_table(
        "audit_subject",
        sa.Column("id", Key, nullable=False),
        sa.Column("event_key", Key, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("value", Text, nullable=False),
        sa.ForeignKeyConstraint(["event_key"], ["audit_event.id"], name=op.f("fk_audit_subject_event_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_subject")),
    )
    op.create_index(op.f("ix_audit_subject_event_key"), "audit_subject", ["event_key"], unique=False)
    op.create_index(
        op.f("ix_audit_subject_value_event_key"), "audit_subject", ["value", "event_key"], unique=False
    )
    op.create_table(
        "audit_head",
        sa.Column("id", Key, autoincrement=False, nullable=False),
        sa.Column("number", Key, nullable=False),
        sa.Column("chain", Text, nullable=False),
        sa.Column("seal", Text, nullable=False),
        sa.Column("sealer", Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "audit_forwarded",
        sa.Column("id", Key, autoincrement=False, nullable=False),
        sa.Column("number", Key, nullable=False),
        sa.Column("holder", Text, nullable=False),
        sa.Column("held_until", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_forwarded")),
    )
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _guard_sqlite() -> None:
    for table in _APPEND_ONLY:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'the audit trail is never changed'); END"
            )
    op.execute(
        "CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is never changed'); END"
    )
    op.execute(
        "CREATE TRIGGER audit_head_no_update BEFORE UPDATE ON audit_head WHEN NEW.number <= OLD.number "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is never changed'); END"
    )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit trail is never changed'; END $$"
    )
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
        )
    op.execute(
        "CREATE TRIGGER audit_head_stays BEFORE DELETE OR TRUNCATE ON audit_head "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
    )
    op.execute(
        "CREATE TRIGGER audit_head_advances BEFORE UPDATE ON audit_head FOR EACH ROW "
        "WHEN (NEW.number <= OLD.number) EXECUTE FUNCTION audit_is_append_only()"
    )


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table("audit_forwarded")
    op.drop_table("audit_head")
    op.drop_table("audit_subject")
    op.drop_table("audit_event")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_is_append_only()")
