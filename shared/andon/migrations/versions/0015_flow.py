"""What flow control and the step tools stand on: doors, slots, waits, children, schedules, tags, and why nothing ran"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.func.clock_timestamp()
RUN_COLUMNS: list[tuple[str, sa.types.TypeEngine[Any], str]] = [
    ("door", sa.Uuid(), "the key it waits for; none: it may be hinted"),
    ("door_order", TIME, "its place at a door"),
    ("gate_keys", sa.ARRAY(sa.Uuid()), "one for each limit, in the order in which they are tried"),
    ("parent_step", sa.Text(), "the step of its parent that invoked it"),
    ("cancel_cause", sa.Text(), "what cancelled it, where it was no event of somebody: superseded, parent, ..."),
    ("start_by", TIME, "cancelled unless claimed by then"),
    ("finish_by", TIME, "cancelled unless settled by then"),
    ("debounce_key", sa.Uuid(), "while it waits for the newest of its events"),
    ("origin_run_id", sa.Uuid(), "the run that it repeats"),
    ("origin_step", sa.Text(), "the step from which it repeats it"),
]
RUN_INDEXES = {
    "ix_runs_door": (["door", "door_order", "id"], "status = 'queued' AND door IS NOT NULL", False),
    "ix_runs_start_by": (["start_by"], "status = 'queued' AND start_by IS NOT NULL", False),
    "ix_runs_finish_by": (
        ["finish_by"],
        "status IN ('queued', 'running', 'waiting') AND finish_by IS NOT NULL",
        False,
    ),
    "ux_runs_child": (["parent_run_id", "parent_step"], "parent_step IS NOT NULL", True),
    "ux_runs_pending": (["debounce_key"], "status = 'waiting' AND debounce_key IS NOT NULL", True),
}


def _table(name: str, *columns: sa.Column[Any], key: list[str] | None = None, **options: object) -> None:
    keys = [sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{name}"))] if key else []
    op.create_table(name, *columns, *keys, schema="andon", if_not_exists=True, **options)


def upgrade() -> None:
    for name, kind, comment in RUN_COLUMNS:
        op.add_column("runs", sa.Column(name, kind, comment=comment), schema="andon", if_not_exists=True)
    op.add_column(
        "steps",
        sa.Column("branch", sa.SmallInteger(), comment="its index among steps that ran side by side"),
        schema="andon",
        if_not_exists=True,
    )

    uuid, text = sa.Uuid(), sa.Text()
    _table(
        "slots",
        sa.Column("key", uuid, nullable=False),
        sa.Column("run_id", uuid, nullable=False),
        key=["key", "run_id"],
        postgresql_with={"fillfactor": 70},
    )
    _table(
        "gate_due",
        sa.Column("key", uuid, nullable=False),
        sa.Column("at", TIME, nullable=False, server_default=NOW),
    )
    op.create_index(op.f("ix_gate_due_at"), "gate_due", ["at"], schema="andon", if_not_exists=True)
    _table(
        "tats",
        sa.Column("key", uuid, nullable=False),
        sa.Column("tat", TIME, nullable=False, comment="theoretical arrival time of the next"),
        key=["key"],
        postgresql_with={"fillfactor": 50},
    )
    _table(
        "waits",
        sa.Column("run_id", uuid, nullable=False),
        sa.Column("step", text, nullable=False),
        sa.Column("n", sa.SmallInteger(), nullable=False, comment="which of the events that the step waits for"),
        sa.Column("tenant", text, nullable=False),
        sa.Column("event", text, nullable=False),
        sa.Column("path", text, nullable=False, server_default=""),
        sa.Column("key", uuid, nullable=False),
        sa.Column("expression", text),
        sa.Column("after_seq", sa.BigInteger(), nullable=False),
        sa.Column("wake_at", TIME),
        sa.Column("looked", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        key=["run_id", "step", "n"],
    )
    op.create_index(
        op.f("ix_waits_tenant_event_path_key"),
        "waits",
        ["tenant", "event", "path", "key"],
        schema="andon",
        if_not_exists=True,
    )
    _table(
        "skips",
        sa.Column("event_seq", sa.BigInteger(), nullable=False),
        sa.Column("function_id", text, nullable=False),
        sa.Column("reason", text, nullable=False),
        sa.Column("by_run", uuid, comment="the run that was in the way"),
        sa.Column("detail", JSONB()),
        sa.Column("at", TIME, nullable=False, server_default=NOW),
        key=["event_seq", "function_id"],
    )
    op.create_index(op.f("ix_skips_at"), "skips", ["at"], schema="andon", if_not_exists=True)
    _table(
        "schedules",
        sa.Column("function_id", text, nullable=False),
        sa.Column("expr", text, nullable=False),
        sa.Column("tz", text, nullable=False),
        sa.Column("next_at", TIME, nullable=False, comment="the tick that comes next"),
        sa.Column("due_at", TIME, nullable=False, comment="when it takes effect: with its jitter"),
        sa.Column("last_at", TIME, comment="the newest tick that took effect"),
        sa.Column("paused_at", TIME),
        sa.Column("paused_by", JSONB()),
        sa.Column("pause_reason", text),
        key=["function_id", "expr", "tz"],
    )
    op.create_index(
        op.f("ix_schedules_due_at"),
        "schedules",
        ["due_at"],
        schema="andon",
        postgresql_where=sa.text("paused_at IS NULL"),
        if_not_exists=True,
    )
    _table(
        "dedup",
        sa.Column("key", uuid, nullable=False),
        sa.Column("run_id", uuid, nullable=False),
        sa.Column("until", TIME, nullable=False),
        key=["key"],
    )
    op.create_index(op.f("ix_dedup_until"), "dedup", ["until"], schema="andon", if_not_exists=True)
    _table(
        "run_tags",
        sa.Column("tenant", text, nullable=False),
        sa.Column("tag", text, nullable=False),
        sa.Column("run_id", uuid, nullable=False),
        key=["tenant", "tag", "run_id"],
    )
    op.create_foreign_key(
        op.f("fk_run_tags_run_id"),
        "run_tags",
        "runs",
        ["run_id"],
        ["id"],
        source_schema="andon",
        referent_schema="andon",
        ondelete="CASCADE",
    )
    op.create_index(op.f("ix_run_tags_run_id"), "run_tags", ["run_id"], schema="andon", if_not_exists=True)

    with op.get_context().autocommit_block():
        for name, (columns, where, unique) in RUN_INDEXES.items():
            op.drop_index(op.f(name), "runs", schema="andon", if_exists=True, postgresql_concurrently=True)
            op.create_index(
                op.f(name),
                "runs",
                columns,
                schema="andon",
                unique=unique,
                postgresql_where=sa.text(where),
                postgresql_concurrently=True,
            )


def downgrade() -> None:
    for name in ("run_tags", "dedup", "schedules", "skips", "waits", "tats", "gate_due", "slots"):
        op.drop_table(name, schema="andon")
    op.drop_column("steps", "branch", schema="andon")
    for name, _, _ in RUN_COLUMNS:
        op.drop_column("runs", name, schema="andon")
