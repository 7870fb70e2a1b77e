"""How many partitions the bus has"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "dispatcher_leases",
        sa.Column("partitions", sa.Integer(), server_default="1", nullable=False, comment="of the bus; never falls"),
        schema="andon",
    )


def downgrade() -> None:
    op.drop_column("dispatcher_leases", "partitions", schema="andon")
