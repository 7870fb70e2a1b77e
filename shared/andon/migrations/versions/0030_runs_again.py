"""Runs that repeat one from a step: the event that asks for one says so while it is open"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column(
        "again", JSONB(), comment="of a request to repeat a run: which, of what function, from what step"
    )
    op.add_column("outbox", column, schema="andon", if_not_exists=True)


def downgrade() -> None:
    op.drop_column("outbox", "again", schema="andon")
