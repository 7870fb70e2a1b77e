"""Queued runs stand in lines, in which tenants take turns"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

PLACED = sa.text("status = 'queued' AND turn IS NOT NULL")
INDEXES = {"ix_runs_line": ["line", "turn", "id"], "ix_runs_tenants_line": ["tenant", "line", "turn"]}


def upgrade() -> None:
    op.create_table(
        "lines",
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("floor", sa.BigInteger(), nullable=False, comment="no run with a smaller turn is queued"),
        sa.PrimaryKeyConstraint("line", name=op.f("pk_lines")),
        schema="andon",
        if_not_exists=True,  # all of it: what is tried again may find a part of it done
    )
    line = sa.Column("line", sa.Text(), comment="of runs in which it stands, once hinted")
    turn = sa.Column("turn", sa.BigInteger(), comment="its place in the line")
    for column in (line, turn):
        op.add_column("runs", column, schema="andon", if_not_exists=True)
    with op.get_context().autocommit_block():
        for name, columns in INDEXES.items():
            op.drop_index(op.f(name), "runs", schema="andon", if_exists=True, postgresql_concurrently=True)
            op.create_index(
                op.f(name), "runs", columns, schema="andon", postgresql_where=PLACED, postgresql_concurrently=True
            )


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(op.f(name), "runs", schema="andon")
    op.drop_column("runs", "turn", schema="andon")
    op.drop_column("runs", "line", schema="andon")
    op.drop_table("lines", schema="andon")
