"""The cancel rules that runs were made with"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rules",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("function_id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("expression", sa.Text(), nullable=True),
        sa.Column("remember_seconds", sa.Double(), nullable=True),
        sa.Column(
            "retired_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="since when no function has it any more",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules")),
        schema="andon",
    )
    for table, what in (
        ("runs", "the wide ones it was made with"),
        ("wide_cancellations", "stops runs with one of them; else all"),
    ):
        op.add_column(table, sa.Column("rules", sa.ARRAY(sa.Uuid()), comment=what), schema="andon")


def downgrade() -> None:
    op.drop_column("wide_cancellations", "rules", schema="andon")
    op.drop_column("runs", "rules", schema="andon")
    op.drop_table("rules", schema="andon")
