"""A cleanup that failed can be run again, once for each; those that failed are found"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

MADE = ["event_seq", "function_id", "kind", "parent_run_id", "origin_run_id"]
FORMER = "uq_runs_event_seq_function_id_kind_parent_run_id"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, columns, options in (
            ("ux_runs_made", MADE, {"unique": True, "postgresql_nulls_not_distinct": True}),
            (
                "ix_runs_failed_cleanup",
                ["id"],
                {"postgresql_where": sa.text("kind <> 'function' AND status = 'failed'")},
            ),
        ):
            op.drop_index(op.f(name), "runs", schema="andon", if_exists=True, postgresql_concurrently=True)
            op.create_index(op.f(name), "runs", columns, schema="andon", postgresql_concurrently=True, **options)
    op.execute(f"ALTER TABLE andon.runs DROP CONSTRAINT IF EXISTS {FORMER}")


def downgrade() -> None:
    op.drop_index("ix_runs_failed_cleanup", "runs", schema="andon")
    op.drop_index("ux_runs_made", "runs", schema="andon")
    op.create_unique_constraint(FORMER, "runs", MADE[:-1], schema="andon", postgresql_nulls_not_distinct=True)
