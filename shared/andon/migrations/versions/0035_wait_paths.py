"""Events are found by the fields that functions wait by"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "wait_paths",
        sa.Column("event", sa.Text(), primary_key=True),
        sa.Column("path", sa.Text(), primary_key=True),
        sa.Column("since_seq", sa.BigInteger(), nullable=False),
        schema="andon",
        if_not_exists=True,
    )
    op.create_table(
        "event_keys",
        sa.Column("key", sa.Uuid(), primary_key=True),
        sa.Column(
            "event_seq",
            sa.BigInteger(),
            sa.ForeignKey("andon.events.seq", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        schema="andon",
        if_not_exists=True,
    )
    op.create_index(None, "event_keys", ["event_seq"], schema="andon", if_not_exists=True)


def downgrade() -> None:
    op.drop_table("event_keys", schema="andon")
    op.drop_table("wait_paths", schema="andon")
