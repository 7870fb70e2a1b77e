"""A dead event that was accepted knows its number, so that it can be offered again"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "dead_events",
        sa.Column("event_seq", sa.BigInteger(), comment="of an event that was accepted, and is recorded"),
        schema="andon",
    )


def downgrade() -> None:
    op.drop_column("dead_events", "event_seq", schema="andon")
