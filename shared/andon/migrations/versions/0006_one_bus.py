"""The bus is one stream; what were its partitions is read until nobody writes there

A dispatcher of before that leads a partition is fenced by the deletion, and none can lead one again. `partition` and
`partitions` stay for the release before this one, as rollouts need.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "former_streams",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column(
            "low_water", sa.Text(), server_default="0-0", nullable=False, comment="stream ids below were all handled"
        ),
        sa.PrimaryKeyConstraint("stream", name=op.f("pk_former_streams")),
        schema="andon",
    )
    op.execute(
        "INSERT INTO andon.former_streams (stream, low_water)"
        " SELECT 'andon:events:' || partition, low_water FROM andon.dispatcher_leases WHERE partition > 0"
    )
    op.execute("DELETE FROM andon.dispatcher_leases WHERE partition > 0")
    op.execute("UPDATE andon.dispatcher_leases SET partitions = 1")
    op.execute("ALTER TABLE andon.dispatcher_leases ADD CONSTRAINT check_one_lease CHECK (partition = 0) NOT VALID")
    op.execute("ALTER TABLE andon.dispatcher_leases VALIDATE CONSTRAINT check_one_lease")


def downgrade() -> None:
    op.drop_constraint(op.f("check_one_lease"), "dispatcher_leases", schema="andon")
    op.execute(
        "INSERT INTO andon.dispatcher_leases (partition, holder, lease_until, low_water)"
        " SELECT split_part(stream, ':', 3)::int, '', clock_timestamp(), low_water FROM andon.former_streams"
    )
    op.execute("UPDATE andon.dispatcher_leases SET partitions = (SELECT count(*) FROM andon.dispatcher_leases)")
    op.drop_table("former_streams", schema="andon")
