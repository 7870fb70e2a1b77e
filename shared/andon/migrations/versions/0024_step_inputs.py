"""What each step was given, as a short text"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("steps", sa.Column("input", sa.Text(), comment="its arguments, as a short text"), schema="andon")


def downgrade() -> None:
    op.drop_column("steps", "input", schema="andon")
