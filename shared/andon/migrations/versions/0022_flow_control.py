"""Cancels that nobody has asked for say what they are"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "cancellations",
        sa.Column("cause", sa.Text(), comment="what it is where nobody has asked for it: singleton"),
        schema="andon",
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_column("cancellations", "cause", schema="andon")
