"""Tokens: what a page in a browser carries, to see and cancel a few things for a while"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column(
            "key_id", sa.Uuid(), nullable=True, comment="whose it ends with; none: made where no keys are asked for"
        ),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("things", sa.ARRAY(sa.Text()), nullable=False, comment="what it opens, as report:<id>"),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("user", JSONB(), nullable=True),
        sa.Column("created_at", TIME, server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("revoked_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("sha256", name=op.f("uq_tokens_sha256")),
        schema="andon",
    )
    op.create_index(op.f("ix_tokens_expires_at"), "tokens", ["expires_at"], schema="andon")


def downgrade() -> None:
    op.drop_table("tokens", schema="andon")
