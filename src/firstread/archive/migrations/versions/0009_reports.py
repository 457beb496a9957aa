"""Reports of people: versions, signatures, what was decided of findings, kept texts; deliveries of signed reports.

The table of deliveries is made anew and filled again: SQLite changes no constraint of a table that is there.
"""

import sqlalchemy as sa
from alembic import op

from firstread.archive.columns import Key, Moment, Text

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_OF_A_DELIVERY = ["result_key", "destination", "document"]
_OF_A_DELIVERY_THEN = "uq_delivery_result_key_destination_document"
_OF_A_DELIVERY_NOW = "uq_delivery_result_key_destination_document_folder"


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "report",
        sa.Column("id", Key, nullable=False),
        sa.Column("study_key", Key, nullable=False),
        sa.Column("token", Text, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("amending", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("changed_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_key"], ["study.id"], name=op.f("fk_report_study_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report")),
        sa.UniqueConstraint("study_key", name=op.f("uq_report_study_key")),
        sa.UniqueConstraint("token", name=op.f("uq_report_token")),
    )
    op.create_index(op.f("ix_report_state"), "report", ["state"], unique=False)
    op.create_index(op.f("ix_report_changed_at"), "report", ["changed_at"], unique=False)
    op.create_table(
        "report_version",
        sa.Column("id", Key, nullable=False),
        sa.Column("report_key", Key, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("result_key", Key, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("why", Text, nullable=False),
        sa.Column("author_kind", Text, nullable=False),
        sa.Column("author", Text, nullable=False),
        sa.Column("account", sa.Integer(), nullable=True),
        sa.Column("content", Text, nullable=False),
        sa.Column("digest", Text, nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_key"], ["report.id"], name=op.f("fk_report_version_report_key"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["result_key"], ["result.id"], name=op.f("fk_report_version_result_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_version")),
        sa.UniqueConstraint("report_key", "number", name=op.f("uq_report_version_report_key_number")),
    )
    op.create_index(op.f("ix_report_version_result_key"), "report_version", ["result_key"], unique=False)
    op.create_table(
        "signing",
        sa.Column("id", Key, nullable=False),
        sa.Column("report_key", Key, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("account", sa.Integer(), nullable=True),
        sa.Column("name", Text, nullable=False),
        sa.Column("display_name", Text, nullable=False),
        sa.Column("organisation", Text, nullable=False),
        sa.Column("signed_at", Moment(), nullable=False),
        sa.Column("folder", Text, nullable=False),
        sa.Column("sr_uid", Text, nullable=False),
        sa.Column("pdf_uid", Text, nullable=False),
        sa.Column("predecessor", Key, nullable=True),
        sa.Column("filed", sa.Boolean(), nullable=False),
        sa.Column("error", Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["report_key"], ["report.id"], name=op.f("fk_signing_report_key"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["predecessor"], ["signing.id"], name=op.f("fk_signing_predecessor"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing")),
        sa.UniqueConstraint("report_key", "version", name=op.f("uq_signing_report_key_version")),
        sa.UniqueConstraint("folder", name=op.f("uq_signing_folder")),
        sa.UniqueConstraint("sr_uid", name=op.f("uq_signing_sr_uid")),
        sa.UniqueConstraint("pdf_uid", name=op.f("uq_signing_pdf_uid")),
    )
    op.create_index(op.f("ix_signing_filed"), "signing", ["filed"], unique=False)
    op.create_table(
        "decided_finding",
        sa.Column("id", Key, nullable=False),
        sa.Column("signing_key", Key, nullable=False),
        sa.Column("verdict", Text, nullable=False),
        sa.Column("reader", Text, nullable=False),
        sa.Column("model", Text, nullable=False),
        sa.Column("digest", Text, nullable=False),
        sa.Column("person", Text, nullable=False),
        sa.Column("ai_mm", sa.Double(), nullable=True),
        sa.Column("person_mm", sa.Double(), nullable=True),
        sa.Column("ai_category", Text, nullable=False),
        sa.Column("person_category", Text, nullable=False),
        sa.Column("signed_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["signing_key"], ["signing.id"], name=op.f("fk_decided_finding_signing_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decided_finding")),
    )
    op.create_index(op.f("ix_decided_finding_signing_key"), "decided_finding", ["signing_key"], unique=False)
    op.create_index(
        op.f("ix_decided_finding_signed_at_verdict"),
        "decided_finding",
        ["signed_at", "verdict"],
        unique=False,
    )
    op.create_table(
        "report_text",
        sa.Column("id", Key, nullable=False),
        sa.Column("owner", Text, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("lang", Text, nullable=False),
        sa.Column("section", Text, nullable=False),
        sa.Column("text", Text, nullable=False),
        sa.Column("changed_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_text")),
        sa.UniqueConstraint(
            "owner",
            "kind",
            "name",
            "lang",
            "section",
            name=op.f("uq_report_text_owner_kind_name_lang_section"),
        ),
    )
    with op.batch_alter_table("delivery") as batch:
        batch.add_column(sa.Column("folder", Text, nullable=False, server_default=sa.text("''")))
        batch.drop_constraint(_OF_A_DELIVERY_THEN, type_="unique")
        batch.create_unique_constraint(_OF_A_DELIVERY_NOW, [*_OF_A_DELIVERY, "folder"])


def downgrade() -> None:
    """Go back to the one before."""
    op.execute("DELETE FROM delivery WHERE folder <> ''")
    with op.batch_alter_table("delivery") as batch:
        batch.drop_constraint(_OF_A_DELIVERY_NOW, type_="unique")
        batch.create_unique_constraint(_OF_A_DELIVERY_THEN, _OF_A_DELIVERY)
        batch.drop_column("folder")
    op.drop_table("report_text")
    op.drop_table("decided_finding")
    op.drop_table("signing")
    op.drop_table("report_version")
    op.drop_table("report")
