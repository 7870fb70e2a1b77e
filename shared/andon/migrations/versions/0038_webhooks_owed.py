"""The oldest thing that a webhook is owed is found by an index"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

NAME = "ix_webhook_deliveries_owed"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index(NAME, "webhook_deliveries", schema="andon", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            NAME,
            "webhook_deliveries",
            ["created_at"],
            schema="andon",
            postgresql_where=sa.text("next_at IS NOT NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    op.drop_index(NAME, "webhook_deliveries", schema="andon")
