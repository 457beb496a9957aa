"""Critical alerts: raised, told, acknowledged; their channels, and which process runs the clocks."""

import sqlalchemy as sa
from alembic import op

from firstread.archive.columns import Key, Moment, Text

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "alert",
        sa.Column("id", Key, nullable=False),
        sa.Column("study_key", Key, nullable=True),
        sa.Column("study_uid", Text, nullable=False),
        sa.Column("subject", Text, nullable=False),
        sa.Column("reader", Text, nullable=False),
        sa.Column("rule", Text, nullable=False),
        sa.Column("rule_level", Text, nullable=False),
        sa.Column("level", Text, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("stands", sa.Boolean(), nullable=False),
        sa.Column("title", Text, nullable=False),
        sa.Column("text", Text, nullable=False),
        sa.Column("because", Text, nullable=False),
        sa.Column("findings", Text, nullable=False),
        sa.Column("also", Text, nullable=False),
        sa.Column("chain", Text, nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("raised_at", Moment(), nullable=False),
        sa.Column("changed_at", Moment(), nullable=False),
        sa.Column("deadline_at", Moment(), nullable=False),
        sa.Column("confirmed_at", Moment(), nullable=True),
        sa.Column("acknowledged_at", Moment(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["study_key"], ["study.id"], name=op.f("fk_alert_study_key"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sa.UniqueConstraint("study_uid", "subject", name=op.f("uq_alert_study_uid_subject")),
    )
    op.create_index(op.f("ix_alert_state_due_at"), "alert", ["state", "due_at"], unique=False)
    op.create_index(op.f("ix_alert_raised_at"), "alert", ["raised_at"], unique=False)
    op.create_index(op.f("ix_alert_study_key"), "alert", ["study_key"], unique=False)
    op.create_table(
        "alert_event",
        sa.Column("id", Key, nullable=False),
        sa.Column("alert_key", Key, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("actor_kind", Text, nullable=False),
        sa.Column("actor", Text, nullable=False),
        sa.Column("detail", Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["alert_key"], ["alert.id"], name=op.f("fk_alert_event_alert_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_event")),
    )
    op.create_index(op.f("ix_alert_event_alert_key"), "alert_event", ["alert_key"], unique=False)
    op.create_table(
        "alert_notification",
        sa.Column("id", Key, nullable=False),
        sa.Column("alert_key", Key, nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("recipient", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("channel", Text, nullable=False),
        sa.Column("address", Text, nullable=False),
        sa.Column("person", Text, nullable=False),
        sa.Column("email", Text, nullable=False),
        sa.Column("account", Key, nullable=True),
        sa.Column("key", Text, nullable=False),
        sa.Column("otherwise", Text, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", Moment(), nullable=True),
        sa.Column("claim", Text, nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("sent_at", Moment(), nullable=True),
        sa.Column("seen_at", Moment(), nullable=True),
        sa.Column("fell_through_at", Moment(), nullable=True),
        sa.Column("error", Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["alert_key"], ["alert.id"], name=op.f("fk_alert_notification_alert_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_notification")),
        sa.UniqueConstraint("key", name=op.f("uq_alert_notification_key")),
        sa.UniqueConstraint(
            "alert_key", "round", "recipient", "channel", name=op.f("uq_alert_notification_once")
        ),
    )
    op.create_index(
        op.f("ix_alert_notification_state_next_try_at"),
        "alert_notification",
        ["state", "next_try_at"],
        unique=False,
    )
    op.create_table(
        "alert_acknowledgement",
        sa.Column("id", Key, nullable=False),
        sa.Column("alert_key", Key, nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("recipient", Text, nullable=False),
        sa.Column("recorded_by_kind", Text, nullable=False),
        sa.Column("recorded_by", Text, nullable=False),
        sa.Column("how", Text, nullable=False),
        sa.Column("read_back", Text, nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["alert_key"], ["alert.id"], name=op.f("fk_alert_acknowledgement_alert_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_acknowledgement")),
    )
    op.create_index(
        op.f("ix_alert_acknowledgement_alert_key"), "alert_acknowledgement", ["alert_key"], unique=False
    )
    op.create_table(
        "alert_channel",
        sa.Column("id", Key, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", Moment(), nullable=False),
        sa.Column("try_after", Moment(), nullable=False),
        sa.Column("error", Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_channel")),
        sa.UniqueConstraint("name", name=op.f("uq_alert_channel_name")),
    )
    op.create_table(
        "alert_lease",
        sa.Column("id", Key, autoincrement=False, nullable=False),
        sa.Column("holder", Text, nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_lease")),
    )


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table("alert_lease")
    op.drop_table("alert_channel")
    op.drop_table("alert_acknowledgement")
    op.drop_table("alert_notification")
    op.drop_table("alert_event")
    op.drop_table("alert")
