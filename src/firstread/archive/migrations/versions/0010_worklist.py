"""The worklist: notices for those who look at a page."""

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


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table("notice")
