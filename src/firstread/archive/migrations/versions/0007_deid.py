"""Research projects, their crosswalks, and studies on their way to them."""

import sqlalchemy as sa
from alembic import op

from firstread.archive.columns import Key, Moment, Text

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "research_project",
        sa.Column("id", Key, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("options", Text, nullable=False),
        sa.Column("sealed_key", Text, nullable=False),
        sa.Column("sealer", Text, nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_research_project")),
        sa.UniqueConstraint("name", name=op.f("uq_research_project_name")),
    )
    op.create_table(
        "crosswalk",
        sa.Column("id", Key, nullable=False),
        sa.Column("project_key", Key, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("token", Text, nullable=False),
        sa.Column("pseudonym", Text, nullable=False),
        sa.Column("sealed", Text, nullable=False),
        sa.Column("sealer", Text, nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_key"], ["research_project.id"], name=op.f("fk_crosswalk_project_key")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crosswalk")),
        sa.UniqueConstraint("project_key", "kind", "token", name=op.f("uq_crosswalk_project_key_kind_token")),
    )
    op.create_index(
        op.f("ix_crosswalk_project_key_pseudonym"), "crosswalk", ["project_key", "pseudonym"], unique=False
    )
    op.create_table(
        "deidentification",
        sa.Column("id", Key, nullable=False),
        sa.Column("study_key", Key, nullable=False),
        sa.Column("project_key", Key, nullable=False),
        sa.Column("destination", Text, nullable=False),
        sa.Column("route", Text, nullable=False),
        sa.Column("series", Text, nullable=False),
        sa.Column("content", Text, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("instances", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("workflow_id", Text, nullable=False),
        sa.Column("next_try_at", Moment(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("error", Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["study_key"], ["study.id"], name=op.f("fk_deidentification_study_key"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_key"], ["research_project.id"], name=op.f("fk_deidentification_project_key")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deidentification")),
        sa.UniqueConstraint(
            "study_key",
            "project_key",
            "destination",
            "content",
            name=op.f("uq_deidentification_study_key_project_key_destination_content"),
        ),
        sa.UniqueConstraint("workflow_id", name=op.f("uq_deidentification_workflow_id")),
    )
    op.create_index(op.f("ix_deidentification_state"), "deidentification", ["state"], unique=False)


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table("deidentification")
    op.drop_table("crosswalk")
    op.drop_table("research_project")
