"""When a run will probably end, by the pace of its progress"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("estimated_end_at", sa.DateTime(timezone=True)), schema="andon")


def downgrade() -> None:
    op.drop_column("runs", "estimated_end_at", schema="andon")
