"""A pause says what becomes of runs that have started"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    said: list[sa.Column[object]] = [
        sa.Column(
            "running",
            sa.Text(),
            nullable=False,
            server_default="continue",
            comment="what becomes of runs that have started: continue, hold, cancel",
        ),
        sa.Column(
            "applied",
            sa.Boolean(),
            nullable=False,
            server_default=sa.text("false"),
            comment="whether they have been cancelled",
        ),
    ]
    for column in said:
        op.add_column("pauses", column, schema="andon", if_not_exists=True)


def downgrade() -> None:
    for name in ("applied", "running"):
        op.drop_column("pauses", name, schema="andon")
