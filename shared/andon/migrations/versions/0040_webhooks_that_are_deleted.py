"""What a webhook is owed names one that may be deleted meanwhile: the end of a run neither waits for that nor fails"""

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

TABLE, NAME = "webhook_deliveries", "fk_webhook_deliveries_webhook_id"


def upgrade() -> None:
    op.drop_constraint(op.f(NAME), TABLE, schema="andon", type_="foreignkey")


def downgrade() -> None:
    op.execute(
        "DELETE FROM andon.webhook_deliveries d"
        " WHERE NOT EXISTS (SELECT FROM andon.webhooks w WHERE w.id = d.webhook_id)"
    )
    op.create_foreign_key(
        op.f(NAME),
        TABLE,
        "webhooks",
        ["webhook_id"],
        ["id"],
        source_schema="andon",
        referent_schema="andon",
        ondelete="CASCADE",
    )
