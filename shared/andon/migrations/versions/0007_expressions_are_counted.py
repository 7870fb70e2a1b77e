"""What a wide cancel's expression had no value of, and how much costly work is left for it"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    counted = sa.Column("failed_evaluations", sa.BigInteger(), nullable=False, server_default="0")
    for column in (counted, sa.Column("first_failure", sa.Text()), sa.Column("shared_work", sa.BigInteger())):
        op.add_column("wide_cancellations", column, schema="andon")


def downgrade() -> None:
    for name in ("shared_work", "first_failure", "failed_evaluations"):
        op.drop_column("wide_cancellations", name, schema="andon")
