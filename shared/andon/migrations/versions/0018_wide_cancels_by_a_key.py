"""A cancel by a field that stops a great many runs is applied by the sweeper: it knows their keys"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    comment = "stops runs that can be cancelled by one of them; else all"
    op.add_column(
        "wide_cancellations",
        sa.Column("keys", sa.ARRAY(sa.Uuid()), comment=comment),
        schema="andon",
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_column("wide_cancellations", "keys", schema="andon")
