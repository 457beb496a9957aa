"""People and programs: accounts, what they belong to, sessions, tokens, links, recovery codes, attempts to log in."""

import sqlalchemy as sa
from alembic import op

from firstread.archive.columns import Key, Moment, Text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "account",
        sa.Column("id", Key, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("name_folded", Text, nullable=False),
        sa.Column("display_name", Text, nullable=False),
        sa.Column("email", Text, nullable=False),
        sa.Column("language", Text, nullable=False),
        sa.Column("password", Text, nullable=False),
        sa.Column("password_at", Moment(), nullable=True),
        sa.Column("totp", Text, nullable=False),
        sa.Column("totp_new", Text, nullable=False),
        sa.Column("totp_step", sa.Integer(), nullable=False),
        sa.Column("issuer", Text, nullable=False),
        sa.Column("subject", Text, nullable=False),
        sa.Column("person", Text, nullable=True),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("last_login_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("name_folded", name=op.f("uq_account_name_folded")),
        sa.UniqueConstraint("person", name=op.f("uq_account_person")),
    )
    op.create_table(
        "login_attempt",
        sa.Column("id", Key, nullable=False),
        sa.Column("key", Text, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", Moment(), nullable=False),
        sa.Column("blocked_until", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_attempt")),
        sa.UniqueConstraint("key", name=op.f("uq_login_attempt_key")),
    )
    op.create_index(op.f("ix_login_attempt_last_at"), "login_attempt", ["last_at"], unique=False)
    op.create_table(
        "account_belonging",
        sa.Column("id", Key, nullable=False),
        sa.Column("account_key", Key, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("value", Text, nullable=False),
        sa.Column("source", Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_key"], ["account.id"], name=op.f("fk_account_belonging_account_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_belonging")),
        sa.UniqueConstraint(
            "account_key",
            "kind",
            "value",
            "source",
            name=op.f("uq_account_belonging_account_key_kind_value_source"),
        ),
    )
    op.create_index(
        op.f("ix_account_belonging_kind_value"), "account_belonging", ["kind", "value"], unique=False
    )
    op.create_table(
        "account_link",
        sa.Column("id", Key, nullable=False),
        sa.Column("digest", Text, nullable=False),
        sa.Column("account_key", Key, nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("used_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_key"], ["account.id"], name=op.f("fk_account_link_account_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_link")),
        sa.UniqueConstraint("digest", name=op.f("uq_account_link_digest")),
    )
    op.create_index(op.f("ix_account_link_account_key"), "account_link", ["account_key"], unique=False)
    op.create_table(
        "recovery_code",
        sa.Column("id", Key, nullable=False),
        sa.Column("account_key", Key, nullable=False),
        sa.Column("digest", Text, nullable=False),
        sa.Column("used_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_key"], ["account.id"], name=op.f("fk_recovery_code_account_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
        sa.UniqueConstraint("account_key", "digest", name=op.f("uq_recovery_code_account_key_digest")),
    )
    op.create_table(
        "session",
        sa.Column("id", Key, nullable=False),
        sa.Column("digest", Text, nullable=False),
        sa.Column("account_key", Key, nullable=False),
        sa.Column("way", Text, nullable=False),
        sa.Column("waits_for", Text, nullable=False),
        sa.Column("address", Text, nullable=False),
        sa.Column("browser", Text, nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("seen_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_key"], ["account.id"], name=op.f("fk_session_account_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.UniqueConstraint("digest", name=op.f("uq_session_digest")),
    )
    op.create_index(op.f("ix_session_account_key"), "session", ["account_key"], unique=False)
    op.create_table(
        "token",
        sa.Column("id", Key, nullable=False),
        sa.Column("digest", Text, nullable=False),
        sa.Column("account_key", Key, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("hint", Text, nullable=False),
        sa.Column("scopes", Text, nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("used_at", Moment(), nullable=True),
        sa.Column("revoked_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_key"], ["account.id"], name=op.f("fk_token_account_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
        sa.UniqueConstraint("account_key", "name", name=op.f("uq_token_account_key_name")),
        sa.UniqueConstraint("digest", name=op.f("uq_token_digest")),
    )


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table("token")
    op.drop_index(op.f("ix_session_account_key"), table_name="session")
    op.drop_table("session")
    op.drop_table("recovery_code")
    op.drop_index(op.f("ix_account_link_account_key"), table_name="account_link")
    op.drop_table("account_link")
    op.drop_index(op.f("ix_account_belonging_kind_value"), table_name="account_belonging")
    op.drop_table("account_belonging")
    op.drop_index(op.f("ix_login_attempt_last_at"), table_name="login_attempt")
    op.drop_table("login_attempt")
    op.drop_table("account")
