"""What is stored, what maintenance has ended, and artifacts by their files"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    index = op.f("ix_artifacts_key")
    with op.get_context().autocommit_block():  # first: what is tried again finds nothing else done
        op.drop_index(index, "artifacts", schema="andon", if_exists=True, postgresql_concurrently=True)
        op.create_index(index, "artifacts", ["key"], schema="andon", postgresql_concurrently=True)
    op.create_table(
        "storage_usage",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_storage_usage")),
        schema="andon",
    )
    op.create_table(
        "maintenance",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("facts", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_maintenance")),
        schema="andon",
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_artifacts_key"), "artifacts", schema="andon")
    op.drop_table("maintenance", schema="andon")
    op.drop_table("storage_usage", schema="andon")
