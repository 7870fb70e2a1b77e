"""The schema `andon` as SQLAlchemy models: what the tables are, and which indexes the hot statements stand on.

Rows that are hot (runs, steps, events, outbox) are written by SQL in the sibling modules; the models serve
migrations, the API's reads and `step.transaction`. A run's output and a step's memo are `json`, not `jsonb`:
they come back exactly as the function returned them, the order of keys included.
"""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from andon.adapters.postgres.statuses import ALL, CANCELLABLE, HELD

SCHEMA = "andon"

metadata = MetaData(
    schema=SCHEMA,
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    },
)

event_seq = Sequence("event_seq", metadata=metadata, cache=1)

Json = JSON(none_as_null=True)
Jsonb = JSONB(none_as_null=True)


class Base(DeclarativeBase):
    """The declarative base; needs no Flask."""

    metadata = metadata
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own hook
        str: Text,
        int: BigInteger,
        dt.datetime: DateTime(timezone=True),
        dict[str, Any]: Jsonb,
    }


def _now() -> Any:
    return mapped_column(server_default=func.clock_timestamp())


def _partial(name: str | None, *columns: str, where: str, **options: Any) -> Index:
    """An index of some of the rows."""
    return Index(name, *columns, postgresql_where=text(where), **options)


class Dataset(Base):
    """A file that a user uploaded: what a report is made from."""

    __tablename__ = "datasets"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    name: Mapped[str]
    format: Mapped[str]
    media_type: Mapped[str]
    bytes: Mapped[int]
    rows: Mapped[int]
    columns: Mapped[Any] = mapped_column(Jsonb)
    plan: Mapped[Any | None] = mapped_column(Jsonb)
    storage_key: Mapped[str]
    sha256: Mapped[str]
    created_by: Mapped[Any | None] = mapped_column(Jsonb)
    created_at: Mapped[dt.datetime] = _now()

    __table_args__ = (Index(None, "tenant", "created_at", "id"),)


class Report(Base):
    """What a user asks for; its row follows the subject of the kind `report`.

    `requested_by`, `cancel_requested_at`, `request_seq`, `request_event_id` and `current_run_id` are the subject's:
    these columns are unused, as is `report_id` of a run.
    """

    __tablename__ = "reports"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    title: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="idle")
    dataset_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("datasets.id"), index=True)
    options: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    data: Mapped[Any | None] = mapped_column(Json)
    error: Mapped[str | None]
    created_by: Mapped[Any | None] = mapped_column(Jsonb)
    requested_by: Mapped[Any | None] = mapped_column(Jsonb)
    created_at: Mapped[dt.datetime] = _now()
    updated_at: Mapped[dt.datetime] = _now()
    requested_at: Mapped[dt.datetime | None]
    completed_at: Mapped[dt.datetime | None]
    cancel_requested_at: Mapped[dt.datetime | None]
    cancelled_at: Mapped[dt.datetime | None]
    failed_at: Mapped[dt.datetime | None]
    request_seq: Mapped[int | None] = mapped_column(comment="seq of the newest request that counts")
    request_event_id: Mapped[str | None]
    current_run_id: Mapped[uuid.UUID | None] = mapped_column(comment="the run of that request, once made")
    version: Mapped[int] = mapped_column(Integer, server_default="1")

    __table_args__ = (
        CheckConstraint("status IN ('idle','generating','generated','cancelled','failed')", name="check_valid_status"),
        Index(None, "tenant", "created_at", "id"),
    )


class Artifact(Base):
    """A file of a run, published where the run has completed. The file's key is never written twice."""

    __tablename__ = "run_artifacts"

    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(comment="that has stored it")
    key: Mapped[str]
    bytes: Mapped[int]
    media_type: Mapped[str]
    created_at: Mapped[dt.datetime] = _now()

    __table_args__ = (Index(None, "key"),)


class FormerArtifact(Base):
    """A file that the release before has published for a report. A trigger copies it to its run's."""

    __tablename__ = "artifacts"

    report_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("reports.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[uuid.UUID]
    key: Mapped[str]
    bytes: Mapped[int]
    media_type: Mapped[str]
    created_at: Mapped[dt.datetime] = _now()

    __table_args__ = (Index(None, "key"),)


class SubjectRow(Base):
    """What runs are about. Its status follows `current_run_id`, and no other run."""

    __tablename__ = "subjects"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    kind: Mapped[str]
    key: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="idle")
    request_seq: Mapped[int | None] = mapped_column(comment="seq of the newest request that counts")
    request_event_id: Mapped[str | None]
    current_run_id: Mapped[uuid.UUID | None] = mapped_column(comment="the run of that request, once made")
    requested_by: Mapped[Any | None] = mapped_column(Jsonb)
    requested_at: Mapped[dt.datetime | None]
    cancel_requested_at: Mapped[dt.datetime | None]
    completed_at: Mapped[dt.datetime | None]
    failed_at: Mapped[dt.datetime | None]
    cancelled_at: Mapped[dt.datetime | None]
    error: Mapped[str | None]
    before: Mapped[Any | None] = mapped_column(
        Jsonb, comment="what subject and row were when the newest request was made"
    )
    created_at: Mapped[dt.datetime] = _now()
    updated_at: Mapped[dt.datetime] = _now()
    version: Mapped[int] = mapped_column(Integer, server_default="1")

    __table_args__ = (
        CheckConstraint("status IN ('idle','active','completed','failed','cancelled')", name="check_subject_status"),
        UniqueConstraint("tenant", "kind", "key"),
        Index(None, "tenant", "kind", "created_at", "id"),
        Index(None, "kind", "key"),
        {"postgresql_with": {"fillfactor": 80}},
    )


class SubjectKind(Base):
    """Who moves subjects of a kind, and by which SQL its rows are found and written; made when it is registered."""

    __tablename__ = "subject_kinds"

    kind: Mapped[str] = mapped_column(primary_key=True)
    function_id: Mapped[str]
    trigger: Mapped[str]
    path: Mapped[str] = mapped_column(comment="where a trigger names the subject")
    row: Mapped[Any | None] = mapped_column(Jsonb, comment="as it was declared")
    states: Mapped[Any | None] = mapped_column(Jsonb, comment="as texts, by state; and the status' column")
    numeric: Mapped[bool] = mapped_column(server_default=text("false"))
    deferred: Mapped[bool] = mapped_column(server_default=text("false"))
    find: Mapped[str | None] = mapped_column(comment="SQL that finds a row by id and tenant")
    write: Mapped[str | None] = mapped_column(comment="SQL that writes a state into it")
    restore: Mapped[str | None] = mapped_column(comment="SQL that writes back what it was")
    refused: Mapped[str | None] = mapped_column(comment="why the row can't be followed now")
    registered_at: Mapped[dt.datetime] = _now()


class RowOwed(Base):
    """A followed row that could not be written when its subject moved: it is to say what the subject says."""

    __tablename__ = "rows_owed"

    subject_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    since: Mapped[dt.datetime] = _now()
    next_at: Mapped[dt.datetime] = _now()
    tries: Mapped[int] = mapped_column(Integer, server_default="1")
    reason: Mapped[str]

    __table_args__ = (Index(None, "next_at"),)


class EventRow(Base):
    """The inbox: every event once, in the order of `seq`."""

    __tablename__ = "events"

    seq: Mapped[int] = mapped_column(event_seq, primary_key=True, server_default=event_seq.next_value())
    tenant: Mapped[str]
    id: Mapped[str]
    name: Mapped[str]
    data: Mapped[dict[str, Any]]
    ts: Mapped[dt.datetime]
    user: Mapped[Any | None] = mapped_column(Jsonb)
    traceparent: Mapped[str | None]
    stream_id: Mapped[str | None]
    received_at: Mapped[dt.datetime] = _now()
    hops: Mapped[int] = mapped_column(SmallInteger, server_default="0", comment="ends of runs that lead to it")

    __table_args__ = (UniqueConstraint("tenant", "id"), Index(None, "tenant", "name", "seq"))


class OutboxRow(Base):
    """An event of ours that the dispatcher has not recorded yet. Gone once it has."""

    __tablename__ = "outbox"

    event_seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    created_at: Mapped[dt.datetime] = _now()
    sent_at: Mapped[dt.datetime | None]
    again: Mapped[Any | None] = mapped_column(
        Jsonb, comment="of a request to repeat a run: which, of what function, from what step"
    )


class UntoldEnds(Base):
    """Runs that a wide cancel has settled and whose events are to be made yet."""

    __tablename__ = "untold_ends"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    run_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid))


# The head of a line is sought without a tenant. As long as nobody has analyzed a queue that grows, both indexes seem to
# hold one row, and the planner would as well read all of the tenants': so that one is only for who names a tenant.
_PLACED = "status = 'queued' AND turn IS NOT NULL"
_AT_A_DOOR = "status = 'queued' AND door IS NOT NULL"


class Line(Base):
    """A line of queued runs, in which tenants take turns: one for each kind of hint."""

    __tablename__ = "lines"

    line: Mapped[str] = mapped_column(primary_key=True)
    floor: Mapped[int] = mapped_column(comment="no run with a smaller turn is queued")


class Run(Base):
    """One execution of a function for one event. See `docs/state-machine.md`."""

    __tablename__ = "runs"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    function_id: Mapped[str]
    kind: Mapped[str] = mapped_column(server_default="function", comment="function, on_cancel, on_failure")
    parent_run_id: Mapped[uuid.UUID | None]
    event_seq: Mapped[int]
    report_id: Mapped[uuid.UUID | None] = mapped_column(comment="the report whose status this run carries")
    subject_id: Mapped[uuid.UUID | None] = mapped_column(
        comment="what it is about: of its newest run the state is shown"
    )
    status: Mapped[str] = mapped_column(server_default="queued")
    queue: Mapped[str] = mapped_column(server_default="default")
    fence: Mapped[int] = mapped_column(server_default="0")
    attempt: Mapped[int] = mapped_column(Integer, server_default="0")
    worker_id: Mapped[str | None]
    lease_until: Mapped[dt.datetime | None]
    lost: Mapped[int] = mapped_column(SmallInteger, server_default="0", comment="workers lost at lost_step")
    lost_step: Mapped[str | None]
    queued_at: Mapped[dt.datetime] = _now()
    sent_at: Mapped[dt.datetime | None]
    wake_at: Mapped[dt.datetime | None]
    started_at: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime | None]
    current_step: Mapped[str | None]
    step_started_at: Mapped[dt.datetime | None]
    progress: Mapped[float | None]
    progress_note: Mapped[str | None]
    estimated_end_at: Mapped[dt.datetime | None]
    output: Mapped[Any | None] = mapped_column(Json)
    error: Mapped[Any | None] = mapped_column(Jsonb)
    cancel_requested_at: Mapped[dt.datetime | None]
    cancel_requested_by: Mapped[Any | None] = mapped_column(Jsonb)
    cancel_reason: Mapped[str | None]
    cancel_event_id: Mapped[str | None]
    cancel_event_seq: Mapped[int | None]
    cancel_stopped_at: Mapped[dt.datetime | None]
    cancel_deadline_at: Mapped[dt.datetime | None]
    forced: Mapped[bool] = mapped_column(server_default=text("false"))
    rules: Mapped[list[uuid.UUID] | None] = mapped_column(ARRAY(Uuid), comment="the wide ones it was made with")
    line: Mapped[str | None] = mapped_column(comment="of runs in which it stands, once hinted")
    turn: Mapped[int | None] = mapped_column(comment="its place in the line")
    door: Mapped[uuid.UUID | None] = mapped_column(comment="the key it waits for; none: it may be hinted")
    door_order: Mapped[dt.datetime | None] = mapped_column(comment="its place at a door")
    gate_keys: Mapped[list[uuid.UUID] | None] = mapped_column(
        ARRAY(Uuid), comment="one for each limit, in the order in which they are tried"
    )
    parent_step: Mapped[str | None] = mapped_column(comment="the step of its parent that invoked it")
    awaits_children: Mapped[bool] = mapped_column(
        server_default=text("false"), comment="whether a cancel of it is over only when they have ended"
    )
    cancel_cause: Mapped[str | None] = mapped_column(
        comment="what cancelled it, where it was no event of somebody: superseded, parent, ..."
    )
    start_by: Mapped[dt.datetime | None] = mapped_column(comment="cancelled unless claimed by then")
    finish_by: Mapped[dt.datetime | None] = mapped_column(comment="cancelled unless settled by then")
    debounce_key: Mapped[uuid.UUID | None] = mapped_column(comment="while it waits for the newest of its events")
    origin_run_id: Mapped[uuid.UUID | None] = mapped_column(comment="the run that it repeats")
    origin_step: Mapped[str | None] = mapped_column(comment="the step from which it repeats it")

    __table_args__ = (
        CheckConstraint(
            f"status IN {ALL}",
            name="check_run_status",
        ),
        Index(
            "ux_runs_made",
            "event_seq",
            "function_id",
            "kind",
            "parent_run_id",
            "origin_run_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        _partial("ix_runs_failed_cleanup", "id", where="kind <> 'function' AND status = 'failed'"),
        Index(None, "tenant", "id"),
        _partial(None, "subject_id", where="subject_id IS NOT NULL"),
        _partial("ix_runs_subject_door", "subject_id", where="status = 'queued' AND door = subject_id"),
        _partial(None, "parent_run_id", where="parent_run_id IS NOT NULL"),
        _partial(None, "cancel_event_seq", where="cancel_event_seq IS NOT NULL"),
        _partial("ix_runs_open", "tenant", "function_id", "id", where=f"status IN {CANCELLABLE}"),
        _partial("ix_runs_held", "id", where=f"status IN {HELD}"),
        _partial("ix_runs_queued", "sent_at", "id", where="status = 'queued' AND door IS NULL"),
        _partial("ix_runs_line", "line", "turn", "id", where=_PLACED),
        _partial("ix_runs_tenants_turn", "tenant", "line", "turn", where=f"{_PLACED} AND tenant IS NOT NULL"),
        _partial("ix_runs_waiting", "wake_at", "id", where="status = 'waiting'"),
        _partial("ix_runs_door", "door", "door_order", "id", where=_AT_A_DOOR),
        _partial("ix_runs_start_by", "start_by", where="status = 'queued' AND start_by IS NOT NULL"),
        _partial("ix_runs_finish_by", "finish_by", where=f"status IN {CANCELLABLE} AND finish_by IS NOT NULL"),
        _partial("ux_runs_child", "parent_run_id", "parent_step", unique=True, where="parent_step IS NOT NULL"),
        _partial(
            "ux_runs_pending", "debounce_key", unique=True, where="status = 'waiting' AND debounce_key IS NOT NULL"
        ),
    )


class StepRow(Base):
    """A step's memo, or what its newest attempt did."""

    __tablename__ = "steps"

    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, comment="order of first call in the run")
    branch: Mapped[int | None] = mapped_column(SmallInteger, comment="its index among steps that ran side by side")
    status: Mapped[str] = mapped_column(comment="completed, failed, retrying, sleeping, waiting")
    attempt: Mapped[int] = mapped_column(Integer)
    fence: Mapped[int]
    started_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]
    wake_at: Mapped[dt.datetime | None]
    output: Mapped[Any | None] = mapped_column(Json)
    error: Mapped[Any | None] = mapped_column(Jsonb)
    worker_id: Mapped[str | None] = mapped_column(comment="who has recorded it")
    input: Mapped[str | None] = mapped_column(comment="its arguments, as a short text")


class AttemptRow(Base):
    """An attempt that did not do it. The one that did is its step's memo."""

    __tablename__ = "attempts"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    fence: Mapped[int]
    step: Mapped[str | None] = mapped_column(comment="none: the handler, outside its steps")
    attempt: Mapped[int] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(comment="failed, lost, handed over")
    worker_id: Mapped[str | None]
    started_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime]
    error: Mapped[Any | None] = mapped_column(Jsonb)

    __table_args__ = (UniqueConstraint("run_id", "fence", "step", "attempt", postgresql_nulls_not_distinct=True),)


class WorkerRow(Base):
    """A worker that is there, or was a moment ago."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(primary_key=True)
    lanes: Mapped[int] = mapped_column(Integer)
    busy: Mapped[int] = mapped_column(Integer, comment="lanes that execute a run")
    version: Mapped[str]
    release: Mapped[str]
    queues: Mapped[list[str]] = mapped_column(ARRAY(Text))
    functions: Mapped[int] = mapped_column(Integer)
    started_at: Mapped[dt.datetime] = _now()
    seen_at: Mapped[dt.datetime] = _now()


class PauseRow(Base):
    """That a tenant's runs of a function, or in a queue, wait until it is resumed."""

    __tablename__ = "pauses"

    tenant: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True, comment="function, queue")
    name: Mapped[str] = mapped_column(primary_key=True)
    paused_at: Mapped[dt.datetime] = _now()
    paused_by: Mapped[Any | None] = mapped_column(Jsonb)
    reason: Mapped[str | None]
    running: Mapped[str] = mapped_column(
        server_default="continue", comment="what becomes of runs that have started: continue, hold, cancel"
    )
    applied: Mapped[bool] = mapped_column(server_default=text("false"), comment="whether they have been cancelled")


class WaitPath(Base):
    """A field by which functions say that they wait for events of a name, and since when those are indexed."""

    __tablename__ = "wait_paths"

    event: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    since_seq: Mapped[int]


class EventKey(Base):
    """Where an event and those who wait for it by such a field meet, whenever they come to wait."""

    __tablename__ = "event_keys"

    key: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    event_seq: Mapped[int] = mapped_column(
        ForeignKey("events.seq", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )

    __table_args__ = (Index(None, "event_seq"),)


class FairTag(Base):
    """The place at a door of a key's newest run, where the door is fair between keys."""

    __tablename__ = "fair_tags"

    door: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    key: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    last: Mapped[dt.datetime]


class Slot(Base):
    """That a run is admitted under a limit. Counts only while the run is open: its status is the truth."""

    __tablename__ = "slots"

    key: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    run_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)

    __table_args__ = ({"postgresql_with": {"fillfactor": 70}},)


# Doors to look at: a row each time, and none is ever changed.
gate_due = Table(
    "gate_due",
    metadata,
    Column("key", Uuid, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp(), index=True),
)


class ArrivalTime(Base):
    """When a rate or a throttle lets the next one through: the state of GCRA, one row for each key."""

    __tablename__ = "tats"

    key: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    tat: Mapped[dt.datetime] = mapped_column(comment="theoretical arrival time of the next")

    __table_args__ = ({"postgresql_with": {"fillfactor": 50}},)


class Wait(Base):
    """An event that a run waits for. Whoever deletes the row delivers the event."""

    __tablename__ = "waits"

    run_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(
        SmallInteger, primary_key=True, autoincrement=False, comment="which of the events that the step waits for"
    )
    tenant: Mapped[str]
    event: Mapped[str]
    path: Mapped[str] = mapped_column(server_default="", comment="of the field that is the same; empty: none")
    key: Mapped[uuid.UUID] = mapped_column(comment="of its value; the child's id, where one is waited for")
    expression: Mapped[str | None]
    after_seq: Mapped[int]
    consumed: Mapped[list[int]] = mapped_column(
        ARRAY(BigInteger), server_default="{}", comment="seqs that other waits of the run have had"
    )
    wake_at: Mapped[dt.datetime | None]
    looked: Mapped[bool] = mapped_column(server_default=text("false"), comment="among what was recorded before it")

    __table_args__ = (
        Index(None, "tenant", "event", "path", "key"),
        _partial("ix_waits_unlooked", "run_id", "step", where="NOT looked"),
    )


class Cascade(Base):
    """A run whose children are to be cancelled."""

    __tablename__ = "cascades"

    run_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)


class Skip(Base):
    """Why an event started no run of a function that listens to it."""

    __tablename__ = "skips"

    event_seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    function_id: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    by_run: Mapped[uuid.UUID | None] = mapped_column(comment="the run that was in the way")
    detail: Mapped[Any | None] = mapped_column(Jsonb)
    at: Mapped[dt.datetime] = _now()

    __table_args__ = (Index(None, "at"),)


class Schedule(Base):
    """When a function's schedule ticks next."""

    __tablename__ = "schedules"

    function_id: Mapped[str] = mapped_column(primary_key=True)
    expr: Mapped[str] = mapped_column(primary_key=True)
    tz: Mapped[str] = mapped_column(primary_key=True)
    next_at: Mapped[dt.datetime] = mapped_column(comment="the tick that comes next")
    due_at: Mapped[dt.datetime] = mapped_column(comment="when it takes effect: with its jitter")
    last_at: Mapped[dt.datetime | None] = mapped_column(comment="the newest tick that took effect")
    paused_at: Mapped[dt.datetime | None]
    paused_by: Mapped[Any | None] = mapped_column(Jsonb)
    pause_reason: Mapped[str | None]

    __table_args__ = (_partial(None, "due_at", where="paused_at IS NULL"),)


class Dedup(Base):
    """The run that a key was used for, and until when it starts no other."""

    __tablename__ = "dedup"

    key: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    run_id: Mapped[uuid.UUID]
    until: Mapped[dt.datetime]

    __table_args__ = (Index(None, "until"),)


class RunTag(Base):
    """A word by which a run is found and cancelled."""

    __tablename__ = "run_tags"

    tenant: Mapped[str] = mapped_column(primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)

    __table_args__ = (Index(None, "run_id"),)


class CancelKey(Base):
    """What a run can be cancelled by: one row per rule. `key` is a digest of tenant, function, rule and value."""

    __tablename__ = "cancel_keys"

    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    event_seq: Mapped[int]

    __table_args__ = (Index(None, "key", "event_seq"),)


class Cancellation(Base):
    """A cancel event under one rule of one function: what runs made later, of older events, must honour."""

    __tablename__ = "cancellations"

    event_seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    function_id: Mapped[str]
    flag: Mapped[str | None] = mapped_column(comment="name of the cancel flag in Redis")
    expression: Mapped[str | None] = mapped_column(comment="CEL that must hold too")
    event_id: Mapped[str]
    requested_by: Mapped[Any | None] = mapped_column(Jsonb)
    reason: Mapped[str | None]
    requested_at: Mapped[dt.datetime]
    remember_until: Mapped[dt.datetime | None]
    cause: Mapped[str | None] = mapped_column(comment="what it is where nobody has asked for it: singleton")

    __table_args__ = (Index(None, "key", "event_seq"),)


class WideCancellation(Base):
    """A cancel of many runs at once: checked when a run is made or claimed, applied in chunks by the sweeper."""

    __tablename__ = "wide_cancellations"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    event_seq: Mapped[int]
    tenant: Mapped[str]
    function_id: Mapped[str]
    started_after: Mapped[dt.datetime | None]
    started_before: Mapped[dt.datetime | None]
    expression: Mapped[str | None]
    requested_at: Mapped[dt.datetime] = _now()
    remember_until: Mapped[dt.datetime | None]
    status: Mapped[str] = mapped_column(server_default="pending", comment="pending, done")
    matched: Mapped[int] = mapped_column(server_default="0")
    cursor: Mapped[uuid.UUID | None]
    finished_at: Mapped[dt.datetime | None]
    failed_evaluations: Mapped[int] = mapped_column(server_default="0")
    first_failure: Mapped[str | None]
    shared_work: Mapped[int | None]
    rules: Mapped[list[uuid.UUID] | None] = mapped_column(ARRAY(Uuid), comment="stops runs with one of them; else all")
    keys: Mapped[list[uuid.UUID] | None] = mapped_column(
        ARRAY(Uuid), comment="stops runs that can be cancelled by one of them; else all"
    )

    __table_args__ = (
        UniqueConstraint("event_seq", "function_id", "expression", postgresql_nulls_not_distinct=True),
        _partial("ix_wide_cancellations_open", "event_seq", where="status <> 'done'"),
        Index(None, "tenant", "function_id", "event_seq"),
    )


class DeadEvent(Base):
    """A stream entry that can't be an event: its bytes and the reason."""

    __tablename__ = "dead_events"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    stream_id: Mapped[str]
    tenant: Mapped[str]
    fields: Mapped[Any] = mapped_column(Jsonb, comment="field names and values, each base64")
    reason: Mapped[str]
    event_seq: Mapped[int | None] = mapped_column(comment="of an event that was accepted, and is recorded")
    created_at: Mapped[dt.datetime] = _now()
    replayed_at: Mapped[dt.datetime | None]

    __table_args__ = (UniqueConstraint("stream_id"),)


class FunctionRow(Base):
    """What the dispatcher registered, for the API and the console to show."""

    __tablename__ = "functions"

    id: Mapped[str] = mapped_column(primary_key=True)
    module: Mapped[str]
    trigger: Mapped[str]
    cancel_on: Mapped[Any] = mapped_column(Jsonb)
    settings: Mapped[dict[str, Any]]
    registered_at: Mapped[dt.datetime] = _now()
    seen_at: Mapped[dt.datetime] = _now()


class RuleRow(Base):
    """A cancel rule that runs were made with. Its id is a digest of what it says: nothing but `retired_at` changes."""

    __tablename__ = "rules"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    function_id: Mapped[str]
    event: Mapped[str]
    path: Mapped[str | None]
    expression: Mapped[str | None]
    remember_seconds: Mapped[float | None] = mapped_column(Double)
    retired_at: Mapped[dt.datetime | None] = mapped_column(comment="since when no function has it any more")


class DispatcherLease(Base):
    """Who dispatches: at most one row. A former holder's commits fail by the fence."""

    __tablename__ = "dispatcher_leases"
    __table_args__ = (CheckConstraint("partition = 0", name="check_one_lease"),)

    partition: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    holder: Mapped[str]
    fence: Mapped[int] = mapped_column(server_default="1")
    lease_until: Mapped[dt.datetime]
    low_water: Mapped[str] = mapped_column(server_default="0-0", comment="stream ids below were all handled")
    partitions: Mapped[int] = mapped_column(Integer, server_default="1", comment="of the bus; never falls")


class FormerStream(Base):
    """A stream that was a partition of the bus once. Unused."""

    __tablename__ = "former_streams"

    stream: Mapped[str] = mapped_column(primary_key=True)
    low_water: Mapped[str] = mapped_column(server_default="0-0", comment="stream ids below were all handled")


class RunLog(Base):
    """What a run printed and logged in a moment, in a row."""

    __tablename__ = "run_logs"
    __table_args__ = (Index(None, "run_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    step: Mapped[str | None] = mapped_column(comment="none: said by the handler, between its steps")
    attempt: Mapped[int] = mapped_column(Integer)
    at: Mapped[dt.datetime] = _now()
    lines: Mapped[Any] = mapped_column(Json)


class IdempotencyKey(Base):
    """The answer to a POST, stored in the transaction of its effect."""

    __tablename__ = "idempotency_keys"

    tenant: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[str]
    status: Mapped[int] = mapped_column(Integer)
    body: Mapped[Any | None] = mapped_column(Json)
    headers: Mapped[dict[str, Any]]
    created_at: Mapped[dt.datetime] = _now()


class ApiKey(Base):
    """A key of a tenant, as its sha256; the key itself is shown once."""

    __tablename__ = "api_keys"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    name: Mapped[str]
    sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[dt.datetime] = _now()
    last_used_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]


class TokenRow(Base):
    """What a page in a browser carries, as its sha256: it opens a few things of the tenant for a while."""

    __tablename__ = "tokens"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    key_id: Mapped[uuid.UUID | None] = mapped_column(
        comment="whose it ends with; none: made where no keys are asked for"
    )
    sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    things: Mapped[list[str]] = mapped_column(ARRAY(Text), comment="what it opens, as report:<id>")
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    user: Mapped[Any | None] = mapped_column(Jsonb)
    created_at: Mapped[dt.datetime] = _now()
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)
    revoked_at: Mapped[dt.datetime | None]


class WebhookRow(Base):
    """Who is told of the ends of a tenant's runs."""

    __tablename__ = "webhooks"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(index=True)
    url: Mapped[str]
    secrets: Mapped[list[str] | None] = mapped_column(ARRAY(Text), comment="unused: see webhook_secrets")
    created_at: Mapped[dt.datetime] = _now()


class WebhookSecret(Base):
    """What signs for a webhook. The API writes it, and may not read it: who sends does."""

    __tablename__ = "webhook_secrets"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    webhook_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    secret: Mapped[str] = mapped_column(comment="the newest two of a webhook sign")

    __table_args__ = (Index("ix_webhook_secrets_webhook_id", "webhook_id", "id"),)


class WebhookDelivery(Base):
    """An end that a webhook was told, or is owed; written by a trigger of `events` in the end's transaction."""

    __tablename__ = "webhook_deliveries"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    webhook_id: Mapped[uuid.UUID]  # no foreign key: the end of a run neither waits for a webhook's deletion nor fails
    line: Mapped[uuid.UUID] = mapped_column(comment="what its run was about: told in order")
    event_id: Mapped[str]
    name: Mapped[str]
    body: Mapped[str]
    created_at: Mapped[dt.datetime] = _now()
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    next_at: Mapped[dt.datetime | None] = mapped_column(
        server_default=func.clock_timestamp(), comment="none: it was told, or given up"
    )
    delivered_at: Mapped[dt.datetime | None]
    answer: Mapped[str | None] = mapped_column(comment="what came of the last attempt")

    __table_args__ = (
        _partial("ix_webhook_deliveries_due", "webhook_id", "next_at", where="next_at IS NOT NULL"),
        _partial("ix_webhook_deliveries_line", "webhook_id", "line", "id", where="next_at IS NOT NULL"),
        Index("ix_webhook_deliveries_webhook_id", "webhook_id", "id"),
        _partial("ix_webhook_deliveries_owed", "created_at", where="next_at IS NOT NULL"),
    )


class AuditEntry(Base):
    """That somebody has changed something: who, when, what. Written with the change, never changed itself."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    at: Mapped[dt.datetime] = _now()
    tenant: Mapped[str]
    action: Mapped[str]
    target: Mapped[str]
    by: Mapped[Any | None] = mapped_column(Jsonb)
    key_id: Mapped[uuid.UUID | None]
    trace_id: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))

    __table_args__ = (Index(None, "tenant", "id"),)


class StorageUsage(Base):
    """What a tenant has in the storage, as `andon prune` last measured it."""

    __tablename__ = "storage_usage"

    tenant: Mapped[str] = mapped_column(primary_key=True)
    files: Mapped[int]
    bytes: Mapped[int]
    measured_at: Mapped[dt.datetime] = _now()


class KeepingRow(Base):
    """How long a tenant's things are kept, where it isn't as everybody's."""

    __tablename__ = "keeping"

    tenant: Mapped[str] = mapped_column(primary_key=True)
    runs: Mapped[dt.timedelta | None]
    artifacts: Mapped[dt.timedelta | None]
    unused: Mapped[dt.timedelta | None] = mapped_column(comment="datasets that no report names")
    orphans: Mapped[dt.timedelta | None] = mapped_column(comment="files that nothing names")


class Maintenance(Base):
    """When a piece of maintenance (`prune`, `backup`) last ended well, and what it says of itself."""

    __tablename__ = "maintenance"

    name: Mapped[str] = mapped_column(primary_key=True)
    finished_at: Mapped[dt.datetime] = _now()
    facts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
