"""Whose children are to be cancelled, and what of the events that a run waits for it has had"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

COMMENTS = [
    ("steps", "status", "completed, failed, retrying, sleeping, waiting"),
    ("waits", "path", "of the field that is the same; empty: none"),
    ("waits", "key", "of its value; the child's id, where one is waited for"),
    ("waits", "looked", "among what was recorded before it"),
]


def upgrade() -> None:
    op.create_table(
        "cascades",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_cascades")),
        schema="andon",
        if_not_exists=True,  # all of it: what is tried again may find a part of it done
    )
    op.add_column(
        "waits",
        sa.Column(
            "consumed",
            sa.ARRAY(sa.BigInteger()),
            nullable=False,
            server_default="{}",
            comment="seqs that other waits of the run have had",
        ),
        schema="andon",
        if_not_exists=True,
    )
    for table, column, comment in COMMENTS:
        op.alter_column(table, column, comment=comment, schema="andon")
    with op.get_context().autocommit_block():
        op.drop_index("ix_waits_unlooked", "waits", schema="andon", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "ix_waits_unlooked",
            "waits",
            ["run_id", "step"],
            schema="andon",
            postgresql_where=sa.text("NOT looked"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    op.drop_index("ix_waits_unlooked", table_name="waits", schema="andon")
    op.drop_column("waits", "consumed", schema="andon")
    op.drop_table("cascades", schema="andon")
