"""What the API shows: reports, runs, events and the rest. Times are aware `datetime`s in UTC."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from . import waiting_for
from .decode import Resource

Json = Any
ReportStatus = Literal["idle", "generating", "generated", "cancelled", "failed"]
RunStatus = Literal["queued", "running", "waiting", "cancelling", "completed", "failed", "cancelled"]
SubjectStatus = Literal["idle", "active", "completed", "failed", "cancelled"]
AttemptStatus = Literal["completed", "failed", "lost", "handed over", "running", "sleeping", "cancelled"]
CancellationStatus = Literal["pending", "done"]
RunKind = Literal["function", "on_cancel", "on_failure"]
Scope = Literal["read", "cancel"]
DeliveryState = Literal["owed", "told", "given up"]
Level = Literal["debug", "info", "warning", "error", "critical"]


@dataclass(frozen=True, kw_only=True)
class Column(Resource):
    """A column of a dataset."""

    name: str
    type: str


@dataclass(frozen=True, kw_only=True)
class Dataset(Resource):
    """A file that was uploaded: what a report is made from."""

    id: str
    name: str
    format: str
    media_type: str
    bytes: int
    rows: int
    columns: tuple[Column, ...]
    sha256: str
    created_at: dt.datetime
    created_by: Json = None


@dataclass(frozen=True, kw_only=True)
class EventRef(Resource):
    """The event that a run was made for."""

    id: str
    name: str
    data: Mapping[str, Json]
    ts: dt.datetime
    user: Json = None


@dataclass(frozen=True, kw_only=True)
class Skip(Resource):
    """A function that an event could have started, and why it did not. `by_run` is the run that was in the way."""

    function_id: str
    reason: str
    why: str
    at: dt.datetime
    by_run: str | None = None
    detail: Json = None


@dataclass(frozen=True, kw_only=True)
class Effects(Resource):
    """The runs that an event has started and cancelled, by id, and what it started no run of."""

    started: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()
    skipped: tuple[Skip, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Event(EventRef):
    """An event as the log shows it. `note` says why a cancel event has cancelled nothing (on a single event only)."""

    seq: int
    effects: Effects = field(default_factory=Effects)
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Delivered(Effects):
    """An event that was sent and handled: its id, and its effects."""

    id: str


@dataclass(frozen=True, kw_only=True)
class DeadEvent(Resource):
    """An entry of the bus that can't be an event: the names and values it had, each base64, and the reason."""

    id: int
    stream_id: str
    fields: tuple[tuple[str, str], ...]
    reason: str
    created_at: dt.datetime
    replayed_at: dt.datetime | None = None

    @property
    def text(self) -> Mapping[str, str]:
        """Its names and values as text; what is no UTF-8 is replaced."""
        return {_text(name): _text(value) for name, value in self.fields}


@dataclass(frozen=True, kw_only=True)
class AuditEntry(Resource):
    """That somebody has changed something: what was done, to what, by whom, and with which key."""

    id: int
    at: dt.datetime
    action: str
    target: str
    by: Json = None
    key_id: str | None = None
    trace_id: str | None = None
    details: Mapping[str, Json]


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode(errors="replace")


@dataclass(frozen=True, kw_only=True)
class Cancel(Resource):
    """Who asked a run to stop and why; when it was asked, when the code stopped, when the run settled.

    `cause` is what it was where nobody has asked: a word of docs/events.md, whose sentence is in `client.causes`.
    """

    requested_at: dt.datetime
    requested_by: Json = None
    reason: str | None = None
    cause: str | None = None
    event_id: str | None = None
    stopped_at: dt.datetime | None = None
    settled_at: dt.datetime | None = None
    forced: bool = False


@dataclass(frozen=True, kw_only=True)
class Attempt(Resource):
    """One try at a step: how it ended, why not well, and which worker tried."""

    attempt: int
    status: AttemptStatus
    started_at: dt.datetime
    ended_at: dt.datetime | None = None
    error: Json = None
    worker: str | None = None


@dataclass(frozen=True, kw_only=True)
class Step(Resource):
    """A step of a run: its memo, or what its newest attempt did. A long `output` is None: `runs.step` has it."""

    id: str
    status: str
    attempt: int
    started_at: dt.datetime
    ended_at: dt.datetime | None = None
    wake_at: dt.datetime | None = None
    input: str | None = None
    output: Json = None
    output_url: str | None = None
    error: Json = None
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Artifact(Resource):
    """A published file of a run, or of a report."""

    name: str
    bytes: int
    media_type: str
    url: str


@dataclass(frozen=True, kw_only=True)
class LogLine(Resource):
    """A line that a run has printed or logged. `step` is None for what the function says between its steps.

    `stream` is `stdout`, `stderr` or `log`; only a record of `log` has `level`, `logger` and `fields`.
    """

    at: dt.datetime
    attempt: int
    stream: Literal["stdout", "stderr", "log"]
    text: str
    step: str | None = None
    level: str | None = None
    logger: str | None = None
    fields: Mapping[str, Json] | None = None


@dataclass(frozen=True, kw_only=True)
class Wait(Resource):
    """Something that a run waits for; any one will do. `run_id` is the child's, where it is a child's end."""

    step: str
    event: str
    match: str | None = None
    value: Json = None
    condition: str | None = None
    run_id: str | None = None
    until: dt.datetime | None = None

    @property
    def words(self) -> str:
        """It as people read it."""
        what = f"the end of {self.run_id}" if self.run_id else self.event
        if self.match:
            what += f" with {self.match} = {self.value!r}"
        if self.condition:
            what += f" where {self.condition}"
        return what


@dataclass(frozen=True, kw_only=True)
class QueuedFor(Resource):
    """What a queued run waits for, if not for a free worker: its `place` in the line `of` so many, who is before it."""

    rule: str | None
    key: str | None
    place: int
    of: int
    holders: tuple[str, ...]

    @property
    def words(self) -> str:
        """It as people read it."""
        what = waiting_for.said(self.rule) + (f": {self.key}" if self.key else "")
        held = f", held by {', '.join(self.holders)}" if self.holders else ""
        return f"{what}, place {self.place:,} of {self.of:,}{held}"


@dataclass(frozen=True, kw_only=True)
class SubjectRef(Resource):
    """What a run is about; `id` as a text."""

    kind: str
    id: str


@dataclass(frozen=True, kw_only=True)
class Run(Resource):
    """One execution of a function. `steps` (the newest 500), `cleanup`, `artifacts`, `children` (the newest 100) and
    `waits` are there on a single run only.

    A long `output` is None, and `output_url` says that there is one: `runs.output` has it.
    """

    id: str
    function_id: str
    status: RunStatus
    event: EventRef
    attempt: int
    queued_at: dt.datetime
    kind: RunKind = "function"
    subject: SubjectRef | None = None
    report_id: str | None = None
    parent_run_id: str | None = None
    parent_step: str | None = None
    started_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    wake_at: dt.datetime | None = None
    current_step: str | None = None
    step_started_at: dt.datetime | None = None
    progress: float | None = None
    progress_note: str | None = None
    estimated_end_at: dt.datetime | None = None
    output: Json = None
    output_url: str | None = None
    error: Json = None
    cancel: Cancel | None = None
    tags: tuple[str, ...] = ()
    origin_run_id: str | None = None
    origin_step: str | None = None
    steps: tuple[Step, ...] = ()
    step_count: int = 0
    attempts: tuple[Attempt, ...] = ()
    cleanup: tuple[Run, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    children: tuple[Run, ...] = ()
    child_count: int = 0
    waits: tuple[Wait, ...] = ()
    queued_for: QueuedFor | None = None

    @property
    def ended(self) -> bool:
        """Whether its status is one that never changes."""
        return self.status in ("completed", "failed", "cancelled")


@dataclass(frozen=True, kw_only=True)
class Report(Resource):
    """What a user asks for. Its status follows its current run."""

    id: str
    title: str
    status: ReportStatus
    created_at: dt.datetime
    dataset_id: str | None = None
    options: Mapping[str, Json] = field(default_factory=dict)
    progress: float | None = None
    progress_note: str | None = None
    estimated_end_at: dt.datetime | None = None
    run: Run | None = None
    artifacts: tuple[Artifact, ...] = ()
    error: str | None = None
    created_by: Json = None
    requested_by: Json = None
    updated_at: dt.datetime | None = None
    requested_at: dt.datetime | None = None
    completed_at: dt.datetime | None = None
    cancel_requested_at: dt.datetime | None = None
    cancelled_at: dt.datetime | None = None
    failed_at: dt.datetime | None = None

    @property
    def generating(self) -> bool:
        """Whether it is being generated, or was asked to be."""
        return self.status == "generating"


@dataclass(frozen=True, kw_only=True)
class Subject(Resource):
    """What runs are about. Its status follows the run of its newest request.

    `owed` tells why the row that follows it doesn't say so yet; None where it does.
    """

    kind: str
    id: Json
    status: SubjectStatus
    function_id: str | None = None
    progress: float | None = None
    progress_note: str | None = None
    estimated_end_at: dt.datetime | None = None
    run: Run | None = None
    error: str | None = None
    owed: str | None = None
    requested_by: Json = None
    requested_at: dt.datetime | None = None
    cancel_requested_at: dt.datetime | None = None
    completed_at: dt.datetime | None = None
    failed_at: dt.datetime | None = None
    cancelled_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None

    @property
    def active(self) -> bool:
        """Whether a request was accepted and its run has not ended."""
        return self.status == "active"


@dataclass(frozen=True, kw_only=True)
class SubjectAsked(Resource):
    """An accepted request: the subject that it is about, and the event that says so.

    `run_id` is None as long as the dispatcher has not made the run.
    """

    kind: str
    id: Json
    status: SubjectStatus
    event_id: str
    run_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Asked(Resource):
    """An accepted request: the report or run it is about, and the event that says so.

    `run_id` is None as long as the dispatcher has not made the run. `children` is how many open runs below it are
    cancelled with it.
    """

    id: str
    status: ReportStatus | RunStatus
    event_id: str
    run_id: str | None = None
    children: int = 0


@dataclass(frozen=True, kw_only=True)
class Token(Resource):
    """What a page in a browser carries instead of a key. `token` is its secret, which is shown this once."""

    id: str
    token: str = field(repr=False)
    things: tuple[str, ...]
    scopes: tuple[Scope, ...]
    expires_at: dt.datetime
    user: Json = None


@dataclass(frozen=True, kw_only=True)
class Function(Resource):
    """A function that is registered, with what starts and what cancels its runs."""

    id: str
    module: str
    trigger: str
    triggers: tuple[Mapping[str, Json], ...] = ()
    cancel_on: tuple[Mapping[str, Json], ...]
    settings: Mapping[str, Json]
    registered_at: dt.datetime
    seen_at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class Pause(Resource):
    """That runs of a function, or in a queue (`kind`), wait; `paused_at` is None once it is resumed."""

    kind: Literal["function", "queue"]
    name: str
    paused_at: dt.datetime | None
    paused_by: Json
    reason: str | None
    running: Literal["continue", "hold", "cancel"] = "continue"


@dataclass(frozen=True, kw_only=True)
class Kept(Resource):
    """How long what stays, as `30d`."""

    runs: str | None
    artifacts: str | None
    unused: str | None
    orphans: str | None


@dataclass(frozen=True, kw_only=True)
class Keeping(Resource):
    """A tenant's own times, and where one is None everybody's, which are None until a prune has said them."""

    own: Kept
    everybodys: Kept | None


@dataclass(frozen=True, kw_only=True)
class Webhook(Resource):
    """A URL that is told of the ends of runs: how many `secrets` sign, and how much it is owed (`waiting`)."""

    id: str
    url: str
    created_at: dt.datetime
    secrets: int
    waiting: int


@dataclass(frozen=True, kw_only=True)
class MadeWebhook(Webhook):
    """A webhook with the secret that signs from now on. It is shown this once."""

    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Delivery(Resource):
    """One end that a webhook was told, or is owed. `next_at` is None once it was told or given up."""

    id: int
    event_id: str
    name: str
    state: DeliveryState
    created_at: dt.datetime
    attempts: int
    next_at: dt.datetime | None
    delivered_at: dt.datetime | None
    answer: str | None


@dataclass(frozen=True, kw_only=True)
class Schedule(Resource):
    """When a function starts by itself. `next_at` is None while it is paused; `event_id` is of the tick asked for."""

    id: str
    function_id: str
    schedule: str
    tz: str
    overlap: str
    catch_up: str
    jitter_seconds: float = 0.0
    data: Mapping[str, Json] = field(default_factory=dict)
    next_at: dt.datetime | None = None
    last_at: dt.datetime | None = None
    paused_at: dt.datetime | None = None
    paused_by: Json = None
    pause_reason: str | None = None
    event_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Cancellation(Resource):
    """A cancel of many runs at once. `id` is None for a dry run, which has done nothing but count."""

    id: str | None = None
    status: CancellationStatus | None = None
    matched: int | None = None
    failed_evaluations: int | None = None
    first_failure: str | None = None
    function_id: str | None = None
    tag: str | None = None
    started_after: dt.datetime | None = None
    started_before: dt.datetime | None = None
    where: str | None = field(default=None, metadata={"json": "if"})
    reason: str | None = None
    event_id: str | None = None
    requested_by: Json = None
    requested_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None
