"""The rules of alerts that a site changes in the browser, with their history."""

import sqlalchemy as sa
from alembic import op

from firstread.archive.columns import Key, Moment, Text

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "alert_rules",
        sa.Column("id", Key, autoincrement=False, nullable=False),
        sa.Column("at", Moment(timezone=True), nullable=False),
        sa.Column("actor_kind", Text, nullable=False),
        sa.Column("actor", Text, nullable=False),
        sa.Column("act", Text, nullable=False),
        sa.Column("rule", Text, nullable=False),
        sa.Column("content", Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_rules")),
    )


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table("alert_rules")
