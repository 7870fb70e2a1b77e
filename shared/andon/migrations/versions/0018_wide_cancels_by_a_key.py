"""A cancel by a field that stops a great many runs is applied by the sweeper: it knows their key"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLE = "wide_cancellations"
FORMER = ["event_seq", "function_id", "expression"]


def upgrade() -> None:
    op.add_column(
        TABLE, sa.Column("key", sa.Uuid(), comment="stops runs that can be cancelled by it; else all"), schema="andon"
    )
    _replace(FORMER, [*FORMER, "key"])


def downgrade() -> None:
    _replace([*FORMER, "key"], FORMER)
    op.drop_column(TABLE, "key", schema="andon")


def _replace(former: list[str], columns: list[str]) -> None:
    op.drop_constraint(op.f(f"uq_{TABLE}_{'_'.join(former)}"), TABLE, schema="andon")
    op.create_unique_constraint(
        op.f(f"uq_{TABLE}_{'_'.join(columns)}"), TABLE, columns, schema="andon", postgresql_nulls_not_distinct=True
    )
