"""The tables of the first version."""

import sqlalchemy as sa
from alembic import op

from firstread.archive.columns import Key, Moment, Text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "patient",
        sa.Column("id", Key, nullable=False),
        sa.Column("key", Text, nullable=False),
        sa.Column("patient_id", Text, nullable=False),
        sa.Column("issuer", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("name_folded", Text, nullable=False),
        sa.Column("birth_date", Text, nullable=False),
        sa.Column("sex", Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient")),
        sa.UniqueConstraint("key", name=op.f("uq_patient_key")),
    )
    op.create_index(op.f("ix_patient_name_folded"), "patient", ["name_folded"], unique=False)
    op.create_index(op.f("ix_patient_patient_id"), "patient", ["patient_id"], unique=False)
    op.create_table(
        "removal",
        sa.Column("id", Key, nullable=False),
        sa.Column("study_uid", Text, nullable=False),
        sa.Column("rule", Text, nullable=False),
        sa.Column("instances", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_removal")),
    )
    op.create_index(op.f("ix_removal_study_uid"), "removal", ["study_uid"], unique=False)
    op.create_table(
        "study",
        sa.Column("id", Key, nullable=False),
        sa.Column("patient_key", Key, nullable=False),
        sa.Column("study_uid", Text, nullable=False),
        sa.Column("study_id", Text, nullable=False),
        sa.Column("study_date", Text, nullable=False),
        sa.Column("study_time", Text, nullable=False),
        sa.Column("accession_number", Text, nullable=False),
        sa.Column("description", Text, nullable=False),
        sa.Column("referring_physician", Text, nullable=False),
        sa.Column("number_of_series", sa.Integer(), nullable=False),
        sa.Column("number_of_instances", sa.Integer(), nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("last_received_at", Moment(), nullable=False),
        sa.Column("conflicts", sa.Integer(), nullable=False),
        sa.Column("inconsistent", sa.Boolean(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["patient_key"], ["patient.id"], name=op.f("fk_study_patient_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
        sa.UniqueConstraint("study_uid", name=op.f("uq_study_study_uid")),
    )
    op.create_index(op.f("ix_study_accession_number"), "study", ["accession_number"], unique=False)
    op.create_index("ix_study_date_time", "study", ["study_date", "study_time"], unique=False)
    op.create_index(op.f("ix_study_last_received_at"), "study", ["last_received_at"], unique=False)
    op.create_index(op.f("ix_study_patient_key"), "study", ["patient_key"], unique=False)
    op.create_table(
        "job",
        sa.Column("id", Key, nullable=False),
        sa.Column("study_key", Key, nullable=False),
        sa.Column("reader", Text, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("started_at", Moment(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("error", Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["study_key"], ["study.id"], name=op.f("fk_job_study_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    op.create_index(op.f("ix_job_state"), "job", ["state"], unique=False)
    op.create_index(op.f("ix_job_study_key"), "job", ["study_key"], unique=False)
    op.create_table(
        "series",
        sa.Column("id", Key, nullable=False),
        sa.Column("study_key", Key, nullable=False),
        sa.Column("series_uid", Text, nullable=False),
        sa.Column("modality", Text, nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("description", Text, nullable=False),
        sa.Column("body_part", Text, nullable=False),
        sa.Column("number_of_instances", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_key"], ["study.id"], name=op.f("fk_series_study_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series")),
        sa.UniqueConstraint("study_key", "series_uid", name=op.f("uq_series_study_key_series_uid")),
    )
    op.create_index(op.f("ix_series_series_uid"), "series", ["series_uid"], unique=False)
    op.create_index(op.f("ix_series_study_key_modality"), "series", ["study_key", "modality"], unique=False)
    op.create_table(
        "instance",
        sa.Column("id", Key, nullable=False),
        sa.Column("series_key", Key, nullable=False),
        sa.Column("sop_instance_uid", Text, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sop_class_uid", Text, nullable=False),
        sa.Column("transfer_syntax_uid", Text, nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("columns", sa.Integer(), nullable=True),
        sa.Column("frames", sa.Integer(), nullable=True),
        sa.Column("file", Text, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("file_digest", Text, nullable=False),
        sa.Column("dataset_digest", Text, nullable=False),
        sa.Column("source", Text, nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["series_key"], ["series.id"], name=op.f("fk_instance_series_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instance")),
        sa.UniqueConstraint("file", name=op.f("uq_instance_file")),
        sa.UniqueConstraint(
            "sop_instance_uid", "dataset_digest", "transfer_syntax_uid", name="uq_instance_content"
        ),
        sa.UniqueConstraint("sop_instance_uid", "version", name=op.f("uq_instance_sop_instance_uid_version")),
    )
    op.create_index(op.f("ix_instance_series_key"), "instance", ["series_key"], unique=False)
    op.create_table(
        "result",
        sa.Column("id", Key, nullable=False),
        sa.Column("job_key", Key, nullable=False),
        sa.Column("folder", Text, nullable=False),
        sa.Column("digest", Text, nullable=False),
        sa.Column("category", Text, nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["job_key"], ["job.id"], name=op.f("fk_result_job_key"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result")),
        sa.UniqueConstraint("folder", name=op.f("uq_result_folder")),
    )
    op.create_index(op.f("ix_result_job_key"), "result", ["job_key"], unique=False)
    op.create_table(
        "delivery",
        sa.Column("id", Key, nullable=False),
        sa.Column("result_key", Key, nullable=False),
        sa.Column("destination", Text, nullable=False),
        sa.Column("document", Text, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("sent_at", Moment(), nullable=True),
        sa.Column("error", Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["result_key"], ["result.id"], name=op.f("fk_delivery_result_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint(
            "result_key", "destination", "document", name=op.f("uq_delivery_result_key_destination_document")
        ),
    )
    op.create_index(op.f("ix_delivery_state"), "delivery", ["state"], unique=False)


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_index(op.f("ix_delivery_state"), table_name="delivery")
    op.drop_table("delivery")
    op.drop_index(op.f("ix_result_job_key"), table_name="result")
    op.drop_table("result")
    op.drop_index(op.f("ix_instance_series_key"), table_name="instance")
    op.drop_table("instance")
    op.drop_index(op.f("ix_series_study_key_modality"), table_name="series")
    op.drop_index(op.f("ix_series_series_uid"), table_name="series")
    op.drop_table("series")
    op.drop_index(op.f("ix_job_study_key"), table_name="job")
    op.drop_index(op.f("ix_job_state"), table_name="job")
    op.drop_table("job")
    op.drop_index(op.f("ix_study_patient_key"), table_name="study")
    op.drop_index(op.f("ix_study_last_received_at"), table_name="study")
    op.drop_index("ix_study_date_time", table_name="study")
    op.drop_index(op.f("ix_study_accession_number"), table_name="study")
    op.drop_table("study")
    op.drop_index(op.f("ix_removal_study_uid"), table_name="removal")
    op.drop_table("removal")
    op.drop_index(op.f("ix_patient_patient_id"), table_name="patient")
    op.drop_index(op.f("ix_patient_name_folded"), table_name="patient")
    op.drop_table("patient")
