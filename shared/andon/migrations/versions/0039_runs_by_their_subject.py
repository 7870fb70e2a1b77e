"""Runs of a report are found by their subject, and no more by a column that nothing fills"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index(op.f("ix_runs_report_id"), "runs", schema="andon", if_exists=True, postgresql_concurrently=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            op.f("ix_runs_report_id"),
            "runs",
            ["report_id"],
            schema="andon",
            if_not_exists=True,
            postgresql_where=sa.text("report_id IS NOT NULL"),
            postgresql_concurrently=True,
        )
