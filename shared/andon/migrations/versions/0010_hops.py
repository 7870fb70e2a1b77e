"""How many ends of runs lead to an event"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    hops = sa.Column(
        "hops", sa.SmallInteger(), nullable=False, server_default="0", comment="ends of runs that lead to it"
    )
    op.add_column("events", hops, schema="andon")


def downgrade() -> None:
    op.drop_column("events", "hops", schema="andon")
