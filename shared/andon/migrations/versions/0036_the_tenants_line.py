"""The tenants' line is an index that the head of a line is never sought in"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None
PLACED = "status = 'queued' AND turn IS NOT NULL"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        _make("ix_runs_tenants_turn", f"{PLACED} AND tenant IS NOT NULL", instead_of="ix_runs_tenants_line")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        _make("ix_runs_tenants_line", PLACED, instead_of="ix_runs_tenants_turn")


def _make(name: str, where: str, *, instead_of: str) -> None:
    op.drop_index(op.f(name), "runs", schema="andon", if_exists=True, postgresql_concurrently=True)
    op.create_index(
        op.f(name),
        "runs",
        ["tenant", "line", "turn"],
        schema="andon",
        postgresql_where=sa.text(where),
        postgresql_concurrently=True,
    )
    op.drop_index(op.f(instead_of), "runs", schema="andon", if_exists=True, postgresql_concurrently=True)
