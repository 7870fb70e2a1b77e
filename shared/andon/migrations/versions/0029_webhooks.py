"""Webhooks: who is told of the ends of a tenant's runs, and what each is owed, written with the end itself"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.func.clock_timestamp()

# The owner's, so that whoever settles a run needs no right to the tables, and can't read a secret. Anybody may put an
# event of that name on the bus: only one of a run that has ended so is told.
OWE = """
CREATE OR REPLACE FUNCTION andon.owe_webhooks() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM andon.webhooks WHERE tenant = NEW.tenant)
        OR NEW.data->>'runId' !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN
        RETURN NULL;
    END IF;
    INSERT INTO andon.webhook_deliveries (webhook_id, line, event_id, name, body)
    SELECT w.id, coalesce(r.subject_id, r.report_id, r.id), NEW.id, NEW.name,
        jsonb_build_object('id', NEW.id, 'type', NEW.name, 'tenant', NEW.tenant,
            'createdAt', to_char(NEW.ts AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'reportId', r.report_id,
            'subject', CASE WHEN s.id IS NOT NULL THEN jsonb_build_object('kind', s.kind, 'id', s.key) END,
            'data', NEW.data)::text
    FROM andon.runs r JOIN andon.webhooks w ON w.tenant = r.tenant LEFT JOIN andon.subjects s ON s.id = r.subject_id
    WHERE r.id = (NEW.data->>'runId')::uuid AND r.tenant = NEW.tenant AND r.status = split_part(NEW.name, '.', 2);
    RETURN NULL;
END $$
"""
WHEN = "NEW.name IN ('andon/function.completed', 'andon/function.failed', 'andon/function.cancelled')"


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secrets", sa.ARRAY(sa.Text()), nullable=False, comment="newest first; each signs"),
        sa.Column("created_at", TIME, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
        schema="andon",
    )
    op.create_index(op.f("ix_webhooks_tenant"), "webhooks", ["tenant"], schema="andon")
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Uuid(), nullable=False, comment="what its run was about: told in order"),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, server_default=NOW, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", TIME, server_default=NOW, nullable=True, comment="none: it was told, or given up"),
        sa.Column("delivered_at", TIME, nullable=True),
        sa.Column("answer", sa.Text(), nullable=True, comment="what came of the last attempt"),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["andon.webhooks.id"], name=op.f("fk_webhook_deliveries_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        schema="andon",
    )
    open_ones = sa.text("next_at IS NOT NULL")
    op.create_index(
        "ix_webhook_deliveries_due", "webhook_deliveries", ["next_at"], schema="andon", postgresql_where=open_ones
    )
    op.create_index(
        "ix_webhook_deliveries_line",
        "webhook_deliveries",
        ["webhook_id", "line", "id"],
        schema="andon",
        postgresql_where=open_ones,
    )
    op.create_index(
        op.f("ix_webhook_deliveries_webhook_id"), "webhook_deliveries", ["webhook_id", "id"], schema="andon"
    )
    op.execute(OWE)
    op.execute(
        "CREATE TRIGGER owe_webhooks AFTER INSERT ON andon.events "
        f"FOR EACH ROW WHEN ({WHEN}) EXECUTE FUNCTION andon.owe_webhooks()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER owe_webhooks ON andon.events")
    op.execute("DROP FUNCTION andon.owe_webhooks()")
    op.drop_table("webhook_deliveries", schema="andon")
    op.drop_table("webhooks", schema="andon")
