"""Functions and queues can be paused"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pauses",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="function, queue"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
        sa.Column("paused_by", JSONB()),
        sa.Column("reason", sa.Text()),
        sa.PrimaryKeyConstraint("tenant", "kind", "name", name=op.f("pk_pauses")),
        schema="andon",
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_table("pauses", schema="andon")
