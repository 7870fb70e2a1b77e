"""Claims and hints see no run that stands at a door; what the gate writes is small and changes all the time"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

QUEUED = "status = 'queued' AND door IS NULL"
CHURN = ("slots", "gate_due", "tats")


def upgrade() -> None:
    _index_queued(QUEUED)
    for table in CHURN:
        op.execute(
            f"ALTER TABLE andon.{table} SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000)"
        )


def downgrade() -> None:
    for table in CHURN:
        op.execute(f"ALTER TABLE andon.{table} RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)")
    _index_queued("status = 'queued'")


def _index_queued(where: str) -> None:
    with op.get_context().autocommit_block():
        op.drop_index(op.f("ix_runs_queued"), "runs", schema="andon", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            op.f("ix_runs_queued"),
            "runs",
            ["sent_at", "id"],
            schema="andon",
            postgresql_where=sa.text(where),
            postgresql_concurrently=True,
        )
