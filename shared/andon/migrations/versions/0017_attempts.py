"""Each attempt that did not do it: what it failed with, and which worker tried"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.Text(), nullable=True, comment="none: the handler, outside its steps"),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False, comment="failed, lost, handed over"),
        sa.Column("worker_id", sa.Text(), nullable=True),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=False),
        sa.Column("error", JSONB(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["andon.runs.id"], name=op.f("fk_attempts_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sa.UniqueConstraint(
            "run_id",
            "fence",
            "step",
            "attempt",
            name=op.f("uq_attempts_run_id_fence_step_attempt"),
            postgresql_nulls_not_distinct=True,
        ),
        schema="andon",
    )
    op.add_column("steps", sa.Column("worker_id", sa.Text(), comment="who has recorded it"), schema="andon")


def downgrade() -> None:
    op.drop_column("steps", "worker_id", schema="andon")
    op.drop_table("attempts", schema="andon")
