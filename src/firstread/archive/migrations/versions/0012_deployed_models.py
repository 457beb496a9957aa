"""The model packages that hosts read with, from when to when."""

import sqlalchemy as sa
from alembic import op

from firstread.archive.columns import Key, Moment, Text

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "deployed_model",
        sa.Column("id", Key, nullable=False),
        sa.Column("host", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("version", Text, nullable=False),
        sa.Column("digest", Text, nullable=False),
        sa.Column("since", Moment(timezone=True), nullable=False),
        sa.Column("until", Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployed_model")),
    )
    op.create_index(op.f("ix_deployed_model_digest"), "deployed_model", ["digest"])
    op.create_index(
        "uq_deployed_model_now",
        "deployed_model",
        ["host", "name"],
        unique=True,
        sqlite_where=sa.text("until IS NULL"),
        postgresql_where=sa.text("until IS NULL"),
    )


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table("deployed_model")
