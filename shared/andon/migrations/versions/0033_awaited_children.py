"""A cancelled run may have to wait for the ends of its children"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column: sa.Column[bool] = sa.Column(
        "awaits_children",
        sa.Boolean(),
        nullable=False,
        server_default=sa.text("false"),
        comment="whether a cancel of it is over only when they have ended",
    )
    op.add_column("runs", column, schema="andon", if_not_exists=True)


def downgrade() -> None:
    op.drop_column("runs", "awaits_children", schema="andon")
