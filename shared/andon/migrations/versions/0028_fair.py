"""Doors can be fair between keys"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fair_tags",
        sa.Column("door", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("last", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("door", "key", name=op.f("pk_fair_tags")),
        schema="andon",
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_table("fair_tags", schema="andon")
