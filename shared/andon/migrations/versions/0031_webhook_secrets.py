"""Secrets of webhooks in a table of their own, which the API writes and can't read; deliveries found by their webhook"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "webhook_secrets",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False, comment="the newest two of a webhook sign"),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["andon.webhooks.id"], name=op.f("fk_webhook_secrets_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_secrets")),
        schema="andon",
    )
    op.create_index(op.f("ix_webhook_secrets_webhook_id"), "webhook_secrets", ["webhook_id", "id"], schema="andon")
    op.execute(
        "INSERT INTO andon.webhook_secrets (webhook_id, secret) SELECT w.id, s.secret FROM andon.webhooks w,"
        " unnest(w.secrets) WITH ORDINALITY s (secret, place) ORDER BY w.id, s.place DESC"
    )
    op.alter_column("webhooks", "secrets", nullable=True, comment="unused: see webhook_secrets", schema="andon")
    op.execute("UPDATE andon.webhooks SET secrets = NULL")
    with op.get_context().autocommit_block():
        op.drop_index(
            "ix_webhook_deliveries_due",
            table_name="webhook_deliveries",
            schema="andon",
            postgresql_concurrently=True,
            if_exists=True,
        )
        op.create_index(
            "ix_webhook_deliveries_due",
            "webhook_deliveries",
            ["webhook_id", "next_at"],
            schema="andon",
            postgresql_where=sa.text("next_at IS NOT NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    op.drop_index("ix_webhook_deliveries_due", table_name="webhook_deliveries", schema="andon")
    op.create_index(
        "ix_webhook_deliveries_due",
        "webhook_deliveries",
        ["next_at"],
        schema="andon",
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )
    op.execute(
        "UPDATE andon.webhooks w SET secrets ="
        " ARRAY(SELECT s.secret FROM andon.webhook_secrets s WHERE s.webhook_id = w.id ORDER BY s.id DESC)"
    )
    op.alter_column("webhooks", "secrets", nullable=False, schema="andon")
    op.drop_table("webhook_secrets", schema="andon")
