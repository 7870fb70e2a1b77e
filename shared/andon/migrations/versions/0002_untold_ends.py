"""The ends of runs that are told later"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "untold_ends",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_untold_ends")),
        schema="andon",
    )


def downgrade() -> None:
    op.drop_table("untold_ends", schema="andon")
