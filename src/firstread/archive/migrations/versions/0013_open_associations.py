"""Until when more of a study may come, since an association that brought it is open."""

import sqlalchemy as sa
from alembic import op

from firstread.archive.columns import Moment

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("study", sa.Column("expected_until", Moment(timezone=True), nullable=True))


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_column("study", "expected_until")
