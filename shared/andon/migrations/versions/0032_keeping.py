"""How long a tenant's things are kept, where it isn't as everybody's"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "keeping",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("runs", sa.Interval()),
        sa.Column("artifacts", sa.Interval()),
        sa.Column("unused", sa.Interval(), comment="datasets that no report names"),
        sa.Column("orphans", sa.Interval(), comment="files that nothing names"),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_keeping")),
        schema="andon",
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_table("keeping", schema="andon")
