"""Rights: rules with the shipped roles, what actors hold, and what scopes need to know of a study."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from firstread.archive.columns import Key, Moment, Text
from firstread.archive.names import person_key

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_PORTION = 1000
_OF_STUDY = (
    "referring_key",
    "referring_id",
    "department",
    "sender",
    "institution",
    "institutional_department",
)
_INDEXED = ("department", "referring_id", "referring_key")

_ROLES = {
    "administrator": "Runs the node: accounts, rights, routes, destinations, models, jobs; signs nothing.",
    "radiologist": "Reads and signs what belongs to the own departments.",
    "clinician": "Sees signed reports and images of patients whom they refer or treat.",
    "technologist": "Sends studies, and follows those of the own departments.",
    "ai_engineer": "Runs models, on the studies of the own projects.",
    "researcher": "Reads the studies of the own projects.",
    "auditor": "Reads the audit trail, and no patient's data.",
    "node": "Every DICOM node that may associate: sends, and asks about what it sent.",
}
_MINE = "department:mine"
_ADMINISTRATOR = (
    "study.read", "study.store", "study.delete", "study.export", "deidentify.run", "report.read_preliminary",
    "report.read", "alert.read", "alert.manage", "job.read", "job.manage", "route.manage", "destination.manage",
    "model.read", "model.manage", "dataset.read", "account.manage", "rights.manage", "audit.read", "service.operate",
)  # fmt: skip
_RIGHTS = {
    "administrator": dict.fromkeys(_ADMINISTRATOR, "*"),
    "radiologist": {
        **dict.fromkeys(
            (
                "study.read", "report.read_preliminary", "report.read", "report.edit", "report.sign", "alert.read",
                "alert.acknowledge", "job.read",
            ),
            _MINE,
        ),
        "model.read": "*",
        "access.break_glass": "*",
    },
    "clinician": {
        **dict.fromkeys(("study.read", "report.read", "alert.read", "alert.acknowledge"), "patient:mine"),
        "access.break_glass": "*",
    },
    "technologist": {"study.store": "*", "study.read": _MINE, "job.read": _MINE},
    "ai_engineer": {
        "model.read": "*",
        "model.manage": "*",
        **dict.fromkeys(("study.read", "report.read_preliminary", "job.read", "dataset.read"), "project:mine"),
    },
    "researcher": {"study.read": "project:mine", "dataset.read": "project:mine"},
    "auditor": {"audit.read": "*"},
    "node": {"study.store": "*"},
}  # fmt: skip


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "department_rule",
        sa.Column("id", Key, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("value", Text, nullable=False),
        sa.Column("department", Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_department_rule")),
        sa.UniqueConstraint("kind", "value", name=op.f("uq_department_rule_kind_value")),
    )
    for column in _OF_STUDY:
        op.add_column("study", sa.Column(column, Text, nullable=False, server_default=sa.text("''")))
    _add_facts(op.get_bind())
    op.create_index(op.f("ix_study_department"), "study", ["department"], unique=False)
    for column in ("referring_id", "referring_key"):
        there = sa.text(f"{column} != ''")
        op.create_index(
            f"ix_study_{column}", "study", [column], unique=False, sqlite_where=there, postgresql_where=there
        )
    rules = op.create_table(
        "access_rule",
        sa.Column("id", Key, nullable=False),
        sa.Column("subject", Text, nullable=False),
        sa.Column("action", Text, nullable=False),
        sa.Column("scope", Text, nullable=False),
        sa.Column("effect", Text, nullable=False),
        sa.Column("created_by", Text, nullable=False, server_default=sa.text("''")),
        sa.Column("created_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_rule")),
        sa.UniqueConstraint(
            "subject", "action", "scope", "effect", name=op.f("uq_access_rule_subject_action_scope_effect")
        ),
    )
    roles = op.create_table(
        "access_role",
        sa.Column("id", Key, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("description", Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_role")),
        sa.UniqueConstraint("name", name=op.f("uq_access_role_name")),
    )
    version = op.create_table(
        "access_policy",
        sa.Column("id", Key, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_policy")),
    )
    at = datetime.now(UTC)
    op.bulk_insert(roles, [{"name": name, "description": said} for name, said in _ROLES.items()])
    op.bulk_insert(
        rules,
        [
            {"subject": f"role:{role}", "action": action, "scope": scope, "effect": "allow", "created_by": "",
             "created_at": at}
            for role, rights in _RIGHTS.items()
            for action, scope in rights.items()
        ],
    )  # fmt: skip
    op.bulk_insert(version, [{"id": 1, "version": 1}])
    _make_tables()


def _make_tables() -> None:
    op.create_table(
        "access_holding",
        sa.Column("id", Key, nullable=False),
        sa.Column("actor", Text, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("value", Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_holding")),
        sa.UniqueConstraint("actor", "kind", "value", name=op.f("uq_access_holding_actor_kind_value")),
    )
    op.create_table(
        "access_collection",
        sa.Column("id", Key, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_collection")),
        sa.UniqueConstraint("kind", "name", name=op.f("uq_access_collection_kind_name")),
    )
    op.create_table(
        "access_collected_study",
        sa.Column("id", Key, nullable=False),
        sa.Column("collection_key", Key, nullable=False),
        sa.Column("study_key", Key, nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_key"], ["access_collection.id"],
            name=op.f("fk_access_collected_study_collection_key"), ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["study_key"], ["study.id"], name=op.f("fk_access_collected_study_study_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_collected_study")),
        sa.UniqueConstraint(
            "collection_key", "study_key", name=op.f("uq_access_collected_study_collection_key_study_key")
        ),
    )  # fmt: skip
    op.create_index(
        op.f("ix_access_collected_study_study_key"), "access_collected_study", ["study_key"], unique=False
    )
    op.create_table(
        "access_treatment",
        sa.Column("id", Key, nullable=False),
        sa.Column("actor", Text, nullable=False),
        sa.Column("patient_key", Key, nullable=False),
        sa.Column("until", Moment, nullable=True),
        sa.ForeignKeyConstraint(
            ["patient_key"], ["patient.id"], name=op.f("fk_access_treatment_patient_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_treatment")),
        sa.UniqueConstraint("actor", "patient_key", name=op.f("uq_access_treatment_actor_patient_key")),
    )
    op.create_index(
        op.f("ix_access_treatment_patient_key"), "access_treatment", ["patient_key"], unique=False
    )
    op.create_table(
        "access_broken_glass",
        sa.Column("id", Key, nullable=False),
        sa.Column("actor", Text, nullable=False),
        sa.Column("scope", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("begun_at", Moment, nullable=False),
        sa.Column("until", Moment, nullable=False),
        sa.Column("ended_at", Moment, nullable=True),
        sa.Column("reviewed_by", Text, nullable=False, server_default=sa.text("''")),
        sa.Column("reviewed_at", Moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_broken_glass")),
    )
    op.create_index(op.f("ix_access_broken_glass_actor"), "access_broken_glass", ["actor"], unique=False)


def _add_facts(connection: sa.Connection) -> None:
    """Fill in what the rows tell: the sender, and the referring physician; the rest is only in the files."""
    connection.execute(
        sa.text(
            "UPDATE study SET sender = coalesce((SELECT instance.source FROM instance "
            "JOIN series ON series.id = instance.series_key WHERE series.study_key = study.id "
            "ORDER BY instance.id LIMIT 1), '')"
        )
    )
    study = sa.table(
        "study", sa.column("id", sa.Integer), sa.column("referring_physician", sa.String),
        sa.column("referring_key", sa.String),
    )  # fmt: skip
    last = 0
    while True:
        portion = connection.execute(
            sa.select(study.c.id, study.c.referring_physician)
            .where(study.c.id > last, study.c.referring_physician != "")
            .order_by(study.c.id)
            .limit(_PORTION)
        ).all()
        if not portion:
            return
        connection.execute(
            sa.update(study)
            .where(study.c.id == sa.bindparam("key"))
            .values(referring_key=sa.bindparam("name")),
            [{"key": key, "name": person_key(name)} for key, name in portion],
        )
        last = portion[-1].id


def downgrade() -> None:
    """Go back to the one before."""
    for table in (
        "access_broken_glass", "access_treatment", "access_collected_study", "access_collection", "access_holding",
        "access_policy", "access_role", "access_rule",
    ):  # fmt: skip
        op.drop_table(table)
    for column in reversed(_INDEXED):
        op.drop_index(op.f(f"ix_study_{column}"), table_name="study")
    for column in reversed(_OF_STUDY):
        op.drop_column("study", column)
    op.drop_table("department_rule")
