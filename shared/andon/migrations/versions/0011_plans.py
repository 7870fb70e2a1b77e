"""How each dataset was read, so that it is read again without judging it anew"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("datasets", sa.Column("plan", JSONB()), schema="andon")


def downgrade() -> None:
    op.drop_column("datasets", "plan", schema="andon")
