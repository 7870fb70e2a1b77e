"""The shapes of the API: what comes in is checked by them, what goes out is dumped by them. JSON is camelCase."""

import datetime as dt
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from andon.adapters.postgres.access.audit import ACTIONS
from andon.adapters.postgres.access.tokens import SCOPES as TOKEN_SCOPES
from andon.adapters.postgres.cancels.causes import CancelCause
from andon.adapters.postgres.doors.pauses import CONTINUE, RUNNING
from andon.adapters.postgres.runs.run_logs import LEVELS
from andon.adapters.postgres.upkeep.keeping import SHORTEST_GRACE, TOO_SHORT
from andon.adapters.postgres.webhooks import STATES as DELIVERY_STATES
from andon.engine.declared.tags import tag_fault
from andon.engine.states import Status
from andon.reports.columns import ROLES
from andon_api.http.document.openapi import SOMETIMES
from andon_api.http.paging import MOST, USUAL
from andon_api.http.schema import Schema
from andon_api.http.strict.fields import Duration, Flag, Id, Number, Object, QueryFlag, QueryNumber, Text, Time

SUBJECT_STATUSES = ("idle", "active", "completed", "failed", "cancelled")
REPORT_STATUSES = ("idle", "generating", "generated", "cancelled", "failed")
RUN_STATUSES = tuple(each.value for each in Status)
RUN_KINDS = ("function", "on_cancel", "on_failure")
ASKED_STATUSES = tuple(dict.fromkeys((*REPORT_STATUSES, *RUN_STATUSES, "cancelling", "requested")))

MOST_LINES = 1_000

FAILED_EVALUATIONS = "of how many runs `if` has no value; they aren't matched"
FIRST_FAILURE = "why `if` has no value of the first of them"
ESTIMATE = "when it will probably end, by the pace of its progress lately; null while that can't be told"


def _text(most: int, what: str, **kwargs: Any) -> Text:
    """A text of 1 to `most` characters, printable, not only blanks."""

    def check(value: str) -> None:
        if not value.strip() or len(value) > most:
            raise ma.ValidationError(f"expected {what} of 1 to {most} characters")
        if odd := next((each for each in value if not each.isprintable() and each not in "\n\t"), ""):
            raise ma.ValidationError(f"expected {what} of printable characters; it holds U+{ord(odd):04X}")

    return Text(validate=check, **kwargs)


def said(what: str) -> dict[str, Any]:
    """What the document says of a field."""
    return {"description": what}


def sometimes(what: str) -> dict[str, Any]:
    """The same of one that isn't always there."""
    return {**SOMETIMES, **said(what)}


def _one_of(choices: tuple[str, ...]) -> validate.OneOf:
    return validate.OneOf(choices, error="expected one of {choices}")


def _statuses(among: tuple[str, ...]) -> fields.List[str]:
    """Any of these, each as a parameter of its own."""
    return fields.List(Text(validate=_one_of(among)), load_default=list, metadata=said("may be repeated"))


class PageQuery(Schema):
    limit = QueryNumber(
        load_default=USUAL, validate=validate.Range(1, MOST, error="expected a number from {min} to {max}")
    )
    cursor = Text(load_default=None, metadata=said("`nextCursor` of the page before"))


class MissingSchema(Schema):
    token = fields.String()
    count = fields.Integer()


class CellSchema(Schema):
    line = fields.Integer(metadata=said("of the file, from 1; of a workbook and an array, the row"))
    value = fields.String()


class UnreadSchema(Schema):
    type = fields.String(metadata=said("what most of the column's values are"))
    count = fields.Integer()
    cells = fields.List(fields.Nested(CellSchema), metadata=said("the first three that aren't"))


class ColumnSchema(Schema):
    name = fields.String()
    type = fields.String()
    role = fields.String(metadata=sometimes(f"the part that it plays: {', '.join(ROLES)}"))
    reason = fields.String(metadata=sometimes("why it has this role"))
    nature = fields.String(
        metadata=sometimes("what more is known: `running`, `apart`, `lasting`, `rated` or `along`, as its reason says")
    )
    unit = fields.String(metadata=sometimes("what its cells name beside their numbers, as a currency"))
    format = fields.String(metadata=sometimes("how its values are written, where that isn't plain"))
    missing = fields.List(fields.Nested(MissingSchema), metadata=sometimes("spellings that count as no value"))
    unread = fields.Nested(UnreadSchema, metadata=SOMETIMES)
    notes = fields.List(fields.String(), metadata=SOMETIMES)
    first = fields.List(
        fields.String(allow_none=True), metadata=sometimes("what stands in its first rows, as the file has it")
    )


class ReadingSchema(Schema):
    encoding = fields.String(metadata=SOMETIMES)
    delimiter = fields.String(metadata=SOMETIMES)
    quote = fields.String(metadata=SOMETIMES)
    header = fields.Boolean(metadata=SOMETIMES)
    skipped_lines = fields.Integer(attribute="skippedLines", metadata=sometimes("before the table"))
    title = fields.String(metadata=sometimes("what the lines above the table say"))
    last_line = fields.Integer(attribute="lastLine", metadata=sometimes("of the table"))
    totals = fields.List(
        fields.Integer(), metadata=sometimes("lines below the table, or in it, that sum it up, and are no rows")
    )
    filled_down = fields.List(
        fields.String(),
        attribute="filledDown",
        metadata=sometimes("columns in which an empty cell holds what stands above it"),
    )
    other_tables = fields.List(
        fields.String(),
        attribute="otherTables",
        metadata=sometimes("where other tables are, and their columns"),
    )
    short_rows = fields.Integer(attribute="shortRows", metadata=sometimes("how many have fewer cells than the header"))
    short_lines = fields.List(fields.Integer(), attribute="shortLines", metadata=sometimes("of the first of them"))
    comment = fields.String(metadata=sometimes("what begins a line that isn't part of the table"))
    decimal = fields.String(metadata=SOMETIMES)
    time_zone = fields.String(attribute="timeZone", metadata=SOMETIMES)
    sheet = fields.String(metadata=SOMETIMES)


class DatasetSchema(Schema):
    id = fields.UUID()
    name = fields.String()
    format = fields.String()
    media_type = fields.String()
    bytes = fields.Integer()
    rows = fields.Integer()
    columns = fields.List(fields.Nested(ColumnSchema))
    reading = fields.Nested(ReadingSchema, metadata=said("how the file was read"))
    sha256 = fields.String()
    created_by = fields.Raw(allow_none=True)
    created_at = Time()


class EventRef(Schema):
    id = fields.String()
    name = fields.String()
    data = fields.Dict()
    ts = Time()
    user = fields.Raw(allow_none=True)


class SkipSchema(Schema):
    function_id = fields.String()
    reason = fields.String(metadata=said("a word, such as `rate_limited`"))
    why = fields.String(metadata=said("the reason as a sentence"))
    by_run = fields.UUID(allow_none=True, metadata=said("the run that was in the way"))
    detail = fields.Raw(allow_none=True)
    at = Time()


class EffectsSchema(Schema):
    started = fields.List(fields.UUID())
    cancelled = fields.List(fields.UUID())
    skipped = fields.List(
        fields.Nested(SkipSchema), metadata=said("functions that it could have started, and why it did not")
    )


class EventSchema(EventRef):
    seq = fields.Integer()
    effects = fields.Nested(EffectsSchema)
    note = fields.String(allow_none=True, metadata=sometimes("why a cancel event has cancelled nothing"))


class CancelSchema(Schema):
    requested_at = Time()
    requested_by = fields.Raw(allow_none=True)
    reason = fields.String(allow_none=True)
    cause = fields.String(allow_none=True, metadata=sometimes(f"where nobody has asked: {', '.join(CancelCause)}"))
    event_id = fields.String(allow_none=True)
    stopped_at = Time(allow_none=True)
    settled_at = Time(allow_none=True)
    forced = fields.Boolean()


SHORT = "the result if it is at most 1,000 bytes of JSON, else null: `outputUrl` has it"
WHERE = "where all of the result is; null as long as there is none"


class AttemptSchema(Schema):
    attempt = fields.Integer(metadata=said("its number; the next one's too if it wasn't the step's fault"))
    status = fields.String(metadata=said("completed, failed, lost, handed over, running, sleeping or cancelled"))
    started_at = Time()
    ended_at = Time(allow_none=True)
    error = fields.Raw(allow_none=True)
    worker = fields.String(allow_none=True)


class StepSchema(Schema):
    id = fields.String()
    status = fields.String()
    attempt = fields.Integer()
    started_at = Time()
    ended_at = Time(allow_none=True)
    wake_at = Time(allow_none=True)
    input = fields.String(
        allow_none=True, metadata=said("the arguments as Python writes them, 1,000 characters at most")
    )
    output = fields.Raw(allow_none=True, metadata=said(SHORT))
    output_url = fields.String(allow_none=True, metadata=said(WHERE))
    error = fields.Raw(allow_none=True)
    attempts = fields.List(fields.Nested(AttemptSchema), metadata=said("each, in their order"))


class SubjectRef(Schema):
    kind = fields.String()
    id = fields.String(metadata=said("as a text"))


class RunSchema(Schema):
    id = fields.UUID()
    function_id = fields.String()
    subject = fields.Nested(SubjectRef, allow_none=True, metadata=said("what it is about"))
    kind = fields.String(validate=_one_of(RUN_KINDS))
    status = fields.String(validate=_one_of(RUN_STATUSES))
    event = fields.Nested(EventRef)
    report_id = fields.UUID(allow_none=True)
    parent_run_id = fields.UUID(
        allow_none=True, metadata=said("the run that has invoked it, or that it cleans up after")
    )
    parent_step = fields.String(
        allow_none=True, metadata=said("the parent's step that has invoked it; null for a cleanup")
    )
    attempt = fields.Integer()
    queued_at = Time()
    started_at = Time(allow_none=True)
    ended_at = Time(allow_none=True)
    wake_at = Time(allow_none=True)
    current_step = fields.String(allow_none=True)
    step_started_at = Time(allow_none=True)
    progress = fields.Float(allow_none=True)
    progress_note = fields.String(allow_none=True)
    estimated_end_at = Time(allow_none=True, metadata=said(ESTIMATE))
    output = fields.Raw(allow_none=True, metadata=said(SHORT))
    output_url = fields.String(allow_none=True, metadata=said(WHERE))
    error = fields.Raw(allow_none=True)
    cancel = fields.Nested(CancelSchema, allow_none=True)
    tags = fields.List(fields.String())
    origin_run_id = fields.UUID(allow_none=True, metadata=said("the run that it repeats"))
    origin_step = fields.String(allow_none=True, metadata=said("the step from which it repeats it"))


class ArtifactSchema(Schema):
    name = fields.String()
    bytes = fields.Integer()
    media_type = fields.String()
    url = fields.String()


class ArtifactsSchema(Schema):
    items = fields.List(fields.Nested(ArtifactSchema))


class WaitSchema(Schema):
    step = fields.String()
    event = fields.String(metadata=said("the event's name"))
    match = fields.String(allow_none=True, metadata=said("the field that has to be the same"))
    value = fields.Raw(allow_none=True, metadata=said("what it has to be"))
    condition = fields.String(allow_none=True, metadata=said("CEL that has to be true of it"))
    run_id = fields.UUID(allow_none=True, metadata=said("the child whose end it waits for"))
    until = Time(allow_none=True, metadata=said("when it waits no longer; null: never"))


class QueuedForSchema(Schema):
    rule = fields.String(
        allow_none=True,
        metadata=said(
            "concurrency, singleton, schedule, throttle, queue, pause, subject, function; null: a former rule"
        ),
    )
    key = fields.String(allow_none=True, metadata=said("as `data.userId = 42`"))
    place = fields.Integer(metadata=said("in the line, from 1; counted up to 10,000"))
    of = fields.Integer(metadata=said("how many wait there; counted up to 10,000"))
    holders = fields.List(fields.UUID(), metadata=said("runs that it waits for, at most 20"))


class RunDetailSchema(RunSchema):
    queued_for = fields.Nested(
        QueuedForSchema, allow_none=True, metadata=said("what a queued run waits for, if not for a worker")
    )
    steps = fields.List(fields.Nested(StepSchema), metadata=said("the newest 500, in their order"))
    step_count = fields.Integer(metadata=said("how many it has; GET /runs/{id}/steps has them all"))
    attempts = fields.List(fields.Nested(AttemptSchema), metadata=said("of the function that failed outside its steps"))
    cleanup = fields.List(fields.Nested(RunSchema), metadata=said("its on_cancel or on_failure runs"))
    children = fields.List(fields.Nested(RunSchema), metadata=said("the newest 100 that it has invoked"))
    child_count = fields.Integer(metadata=said("how many it has invoked"))
    waits = fields.List(fields.Nested(WaitSchema), metadata=said("what it waits for; any one will do"))
    artifacts = fields.List(fields.Nested(ArtifactSchema), metadata=said("its files, once it has completed"))


class LogLineSchema(Schema):
    at = Time()
    step = fields.String(allow_none=True, metadata=said("null: said by the function between its steps"))
    attempt = fields.Integer()
    stream = fields.String(metadata=said("stdout, stderr, or log: a record of logging or structlog"))
    level = fields.String(allow_none=True, metadata=said("of a record"))
    logger = fields.String(allow_none=True, metadata=said("of a record"))
    text = fields.String()
    fields_ = fields.Raw(
        attribute="fields", data_key="fields", allow_none=True, metadata=said("of a record: what it was given")
    )


class OutputSchema(Schema):
    output = fields.Raw(allow_none=True)


class ReportSchema(Schema):
    id = fields.UUID()
    title = fields.String()
    status = fields.String(validate=_one_of(REPORT_STATUSES))
    dataset_id = fields.UUID(allow_none=True)
    options = fields.Dict()
    progress = fields.Float(allow_none=True)
    progress_note = fields.String(allow_none=True)
    estimated_end_at = Time(allow_none=True, metadata=said(ESTIMATE))
    run = fields.Nested(RunSchema, allow_none=True)
    artifacts = fields.List(fields.Nested(ArtifactSchema))
    error = fields.String(allow_none=True)
    created_by = fields.Raw(allow_none=True)
    requested_by = fields.Raw(allow_none=True)
    created_at = Time()
    updated_at = Time()
    requested_at = Time(allow_none=True)
    completed_at = Time(allow_none=True)
    cancel_requested_at = Time(allow_none=True)
    cancelled_at = Time(allow_none=True)
    failed_at = Time(allow_none=True)


class SubjectSchema(Schema):
    kind = fields.String()
    id = fields.Raw(metadata=said("as the followed row's key has it: a text, or a whole number"))
    status = fields.String(validate=_one_of(SUBJECT_STATUSES))
    function_id = fields.String(allow_none=True)
    progress = fields.Float(allow_none=True)
    progress_note = fields.String(allow_none=True)
    estimated_end_at = Time(allow_none=True, metadata=said(ESTIMATE))
    run = fields.Nested(RunSchema, allow_none=True)
    error = fields.String(allow_none=True)
    owed = fields.String(allow_none=True, metadata=said("why the followed row doesn't say so yet; null where it does"))
    requested_by = fields.Raw(allow_none=True)
    requested_at = Time(allow_none=True)
    cancel_requested_at = Time(allow_none=True)
    completed_at = Time(allow_none=True)
    failed_at = Time(allow_none=True)
    cancelled_at = Time(allow_none=True)
    updated_at = Time(allow_none=True)


class SubjectAskedSchema(Schema):
    kind = fields.String()
    id = fields.Raw(metadata=said("of the subject"))
    run_id = fields.UUID(
        allow_none=True, metadata=said("of the run that this is about; null as long as the dispatcher has not made it")
    )
    status = fields.String(validate=_one_of(SUBJECT_STATUSES))
    event_id = fields.String(metadata=said("the event that says so: GET /events/{id} shows its effects"))


class SubjectRequestBody(Schema):
    needs_body = False

    data = Object(keys=fields.String(), load_default=dict, metadata=said("of the trigger; the id is put in its place"))


class RunCancelBody(Schema):
    needs_body = False

    reason = _text(500, "a reason", load_default=None, allow_none=True)


class RerunBody(Schema):
    needs_body = False

    from_ = Text(
        data_key="from",
        load_default=None,
        metadata=said("a step: those before it are recalled and not repeated; without, all are done again"),
    )
    data = Object(load_default=None, metadata=said("in place of the event's data"))
    keep = Flag(
        load_default=False,
        metadata=said("with `from` and `data`: recall what was done with the former data all the same"),
    )


class ArtifactQuery(Schema):
    inline = QueryFlag(load_default=False, metadata=said("show the file instead of saving it"))


class NewReport(Schema):
    title = _text(200, "a title", required=True)
    dataset_id = Id(load_default=None, allow_none=True)
    options = Object(keys=fields.String(), load_default=dict)


class ReportChange(Schema):
    title = _text(200, "a title")
    dataset_id = Id(allow_none=True)
    options = Object(keys=fields.String())


class CancelBody(Schema):
    needs_body = False

    run_id = Id(
        load_default=None,
        allow_none=True,
        metadata=said("409 unless this is the current run: a page that is out of date stops nothing"),
    )
    reason = _text(500, "a reason", load_default=None, allow_none=True)


def _tag(value: str) -> None:
    if fault := tag_fault(value):
        raise ma.ValidationError(fault)


class BulkCancelBody(Schema):
    function_id = Text(load_default="", metadata=said("needed where there is no `tag`"))
    tag = Text(load_default=None, validate=_tag, metadata=said("only runs that have it"))
    started_after = Time(load_default=None, allow_none=True)
    started_before = Time(load_default=None, allow_none=True)
    if_ = Text(data_key="if", load_default=None, allow_none=True, metadata=said("CEL over `event` and `async`"))
    reason = _text(500, "a reason", load_default=None, allow_none=True)
    dry_run = Flag(load_default=False)


class StartedCancellationSchema(Schema):
    id = fields.UUID(allow_none=True)
    dry_run = fields.Boolean()
    matched = fields.Integer(metadata=sometimes("with dryRun: how many runs it would cancel now"))
    failed_evaluations = fields.Integer(metadata=sometimes(FAILED_EVALUATIONS))
    first_failure = fields.String(allow_none=True, metadata=sometimes(FIRST_FAILURE))
    event_id = fields.String(metadata=SOMETIMES)


class CancellationSchema(Schema):
    id = fields.UUID()
    status = fields.String(validate=_one_of(("pending", "done")))
    matched = fields.Integer(metadata=said("how many runs were matched so far"))
    failed_evaluations = fields.Integer(metadata=said(FAILED_EVALUATIONS))
    first_failure = fields.String(allow_none=True, metadata=said(FIRST_FAILURE))
    function_id = fields.String(metadata=said("empty where a tag alone was named"))
    tag = fields.String(allow_none=True)
    started_after = Time(allow_none=True)
    started_before = Time(allow_none=True)
    if_ = fields.String(data_key="if", allow_none=True)
    reason = fields.String(allow_none=True)
    event_id = fields.String()
    requested_by = fields.Raw(allow_none=True)
    requested_at = Time()
    finished_at = Time(allow_none=True)


class NoBody(Schema):
    """An empty object, or nothing."""

    needs_body = False


class AskedSchema(Schema):
    id = fields.UUID(metadata=said("of the report or run that was asked"))
    run_id = fields.UUID(
        allow_none=True, metadata=said("of the run that this is about; null as long as the dispatcher has not made it")
    )
    status = fields.String(validate=_one_of(ASKED_STATUSES))
    event_id = fields.String(metadata=said("the event that says so: GET /events/{id} shows its effects"))
    children = fields.Integer(
        metadata=sometimes("of a cancel: how many open runs below the one that is cancelled are cancelled with it")
    )


class StopsSchema(Schema):
    runs = fields.List(fields.UUID())
    many = fields.Boolean(metadata=said("too many to be named: none of them is claimed any more"))


class SentSchema(Schema):
    ids = fields.List(fields.String())
    stops = fields.Nested(StopsSchema, metadata=sometimes("the runs that the events have stopped by a field"))
    effects = fields.List(fields.Nested(EffectsSchema), metadata=sometimes("with Prefer: wait, what each of them did"))


def _thing(value: str) -> None:
    kind, _, id = value.partition(":")
    if kind not in {"report", "run", "subject"} or not id or (kind == "subject" and ":" not in id):
        raise ma.ValidationError("expected report:<id>, run:<id> or subject:<kind>:<id>")


class StreamQuery(Schema):
    thing = fields.List(
        Text(validate=_thing),
        load_default=list,
        validate=validate.Length(0, 100, error="expected at most {max} things"),
        metadata=said("`report:<id>`, `run:<id>` or `subject:<kind>:<id>`, each; by default all of a token"),
    )


class NewToken(Schema):
    needs_body = False

    scopes = fields.List(
        Text(validate=_one_of(TOKEN_SCOPES)),
        load_default=lambda: ["read"],
        validate=validate.Length(1, 2, error="expected one or two scopes"),
        metadata=said("`read`: see and follow it; `cancel`: cancel it"),
    )
    ttl = Number(
        load_default=900,
        validate=validate.Range(1, 3600, error="expected a number of seconds from {min} to {max}"),
        metadata=said("seconds that it lasts; 900 without it"),
    )
    user = Object(metadata=said("in whose name the page cancels; without it, the key's"))


class NewTokenOfMany(NewToken):
    needs_body = True

    things = fields.List(
        Text(validate=_thing),
        required=True,
        validate=validate.Length(1, 100, error="expected {min} to {max} things"),
        metadata=said("each as `report:<id>`, `run:<id>` or `subject:<kind>:<id>`"),
    )


class TokenSchema(Schema):
    id = fields.UUID(metadata=said("to revoke it by"))
    token = fields.String(metadata=said("the secret, which is shown this once"))
    things = fields.List(fields.String())
    scopes = fields.List(fields.String(validate=_one_of(TOKEN_SCOPES)))
    user = fields.Raw(allow_none=True)
    expires_at = Time()


class StatisticsSchema(Schema):
    runs = fields.Dict(keys=fields.String(), values=fields.Integer(), metadata=said("how many, by status"))
    median_seconds = fields.Float(
        allow_none=True, metadata=said("from the start to the end of half of those that completed, or less")
    )


class FunctionSchema(Schema):
    id = fields.String()
    module = fields.String()
    trigger = fields.String(metadata=said("the first of `triggers` as a text"))
    triggers = fields.List(fields.Dict(), metadata=said("`event` (a name, or `a/*`) and `if`; or `cron` and `tz`"))
    cancel_on = fields.Raw()
    settings = fields.Dict()
    last_day = fields.Nested(StatisticsSchema, metadata=said("runs queued in the last 24 hours"))
    paused_at = Time(allow_none=True, metadata=said("since when its runs wait"))
    registered_at = Time()
    seen_at = Time()


class ScheduleSchema(Schema):
    id = fields.String()
    function_id = fields.String()
    schedule = fields.String(metadata=said("five fields: minute, hour, day of month, month, day of week"))
    tz = fields.String()
    overlap = fields.String()
    catch_up = fields.String()
    jitter_seconds = fields.Float()
    data = fields.Dict()
    next_at = Time(allow_none=True, metadata=said("the tick that comes next; null while it is paused"))
    last_at = Time(allow_none=True)
    paused_at = Time(allow_none=True)
    paused_by = fields.Raw(allow_none=True)
    pause_reason = fields.String(allow_none=True)


class PauseBody(Schema):
    needs_body = False
    reason = _text(500, "a reason", load_default=None, allow_none=True)


class FunctionPauseBody(PauseBody):
    running = fields.String(
        validate=validate.OneOf(RUNNING),
        load_default=CONTINUE,
        metadata=said(
            "what becomes of runs that have started: they go on, are given up at their next step and"
            " wait, or are cancelled"
        ),
    )


class PauseSchema(Schema):
    kind = fields.String(validate=_one_of(("function", "queue")))
    name = fields.String()
    paused_at = Time(allow_none=True, metadata=said("null: it isn't paused"))
    paused_by = fields.Raw(allow_none=True)
    reason = fields.String(allow_none=True)
    running = fields.String(validate=validate.OneOf(RUNNING), metadata=said("what becomes of runs that have started"))


class NewWebhook(Schema):
    url = Text(required=True, metadata=said("where to: https, and a public address"))


class WebhookSchema(Schema):
    id = fields.UUID()
    url = fields.String()
    created_at = Time(metadata=said("told of what ended since"))
    secrets = fields.Integer(metadata=said("how many sign: two while a rotation isn't finished"))
    waiting = fields.Integer(metadata=said("how much it is still owed"))


class MadeWebhookSchema(WebhookSchema):
    secret = fields.String(metadata=said("what signs; shown this once"))


class DeliverySchema(Schema):
    id = fields.Integer()
    event_id = fields.String()
    name = fields.String(metadata=said("of the event: andon/function.completed, .failed, .cancelled"))
    state = fields.String(validate=_one_of(DELIVERY_STATES))
    created_at = Time()
    attempts = fields.Integer()
    next_at = Time(allow_none=True, metadata=said("when it is sent next; null: told, or given up"))
    delivered_at = Time(allow_none=True)
    answer = fields.String(allow_none=True, metadata=said("what came of the last attempt"))


class TickedSchema(ScheduleSchema):
    event_id = fields.String(metadata=said("of the tick that was asked for"))


class DeadEventSchema(Schema):
    id = fields.Integer()
    stream_id = fields.String()
    fields_ = fields.Raw(data_key="fields", metadata=said("names and values, each base64"))
    reason = fields.String()
    created_at = Time()
    replayed_at = Time(allow_none=True)


class StoredSchema(Schema):
    files = fields.Integer()
    bytes = fields.Integer(metadata=said("as the last `andon prune` measured"))


class LastDaySchema(Schema):
    runs = fields.Dict(metadata=said("how many were queued in the last 24 hours, by status"))
    thread_seconds = fields.Float(metadata=said("how long their finished steps took a thread"))
    refused = fields.Dict(
        allow_none=True, metadata=said("`tooMany` (429), `noStream` (503); null while nobody can tell")
    )


class UsageSchema(Schema):
    open_runs = fields.Dict(metadata=said("how many have not ended, by status"))
    queue_age_seconds = fields.Float(metadata=said("how long the oldest waits that has not started"))
    stored = fields.Nested(StoredSchema)
    last_day = fields.Nested(LastDaySchema)


RUNS_KEPT = {"description": "runs that ended since stay"}
ARTIFACTS_KEPT = {"description": "artifacts that were stored since stay"}
UNUSED_KEPT = {"description": "datasets that were uploaded since, or that a report names, stay"}
ORPHANS_KEPT = {"description": "files that nothing names, of uploads cut short say, and that are younger stay"}


def _outlives_an_upload(grace: dt.timedelta) -> None:
    if grace < SHORTEST_GRACE:
        raise ma.ValidationError(TOO_SHORT)


class KeepingChange(Schema):
    runs = Duration(allow_none=True, metadata=RUNS_KEPT)
    artifacts = Duration(allow_none=True, metadata=ARTIFACTS_KEPT)
    unused = Duration(allow_none=True, metadata=UNUSED_KEPT)
    orphans = Duration(allow_none=True, validate=_outlives_an_upload, metadata=ORPHANS_KEPT)


class KeptSchema(Schema):
    runs = fields.String(allow_none=True, metadata=RUNS_KEPT)
    artifacts = fields.String(allow_none=True, metadata=ARTIFACTS_KEPT)
    unused = fields.String(allow_none=True, metadata=UNUSED_KEPT)
    orphans = fields.String(allow_none=True, metadata=ORPHANS_KEPT)


class KeepingSchema(Schema):
    own = fields.Nested(KeptSchema, metadata={"description": "durations such as 30d; null: as everybody's"})
    everybodys = fields.Nested(
        KeptSchema,
        allow_none=True,
        metadata={"description": "what the last `andon prune` kept, null: for ever; null until one has said so"},
    )


class WorkerSchema(Schema):
    id = fields.String()
    lanes = fields.Integer(metadata=said("how many runs it executes at a time"))
    busy = fields.Integer(metadata=said("how many it executes now"))
    version = fields.String()
    release = fields.String(metadata=said("`ANDON_RELEASE`"))
    queues = fields.List(fields.String(), metadata=said("those it was told to serve; of none, all"))
    functions = fields.Integer(metadata=said("how many it has loaded"))
    started_at = Time()
    seen_at = Time()


class AuditSchema(Schema):
    id = fields.Integer()
    at = Time()
    action = fields.String(metadata=said("what was done, as report.deleted"))
    target = fields.String(metadata=said("the id of what it was done to"))
    by = fields.Raw(allow_none=True, metadata=said("the user; of a key, its name"))
    key_id = fields.String(allow_none=True, metadata=said("the key that was presented"))
    trace_id = fields.String(allow_none=True)
    details = fields.Dict()


class AuditQuery(PageQuery):
    action = Text(load_default=None, validate=_one_of(ACTIONS))
    target = Text(load_default=None)


class RequestsQuery(PageQuery):
    """What lists of that which people ask for have in common."""

    created_after = Time(load_default=None, metadata=said("at that time or since"))
    created_before = Time(load_default=None)
    requested_by = Text(load_default=None, metadata=said("the `id` of who has asked last"))


class ReportsQuery(RequestsQuery):
    status = _statuses(REPORT_STATUSES)
    dataset_id = Id(load_default=None)


class SubjectsQuery(RequestsQuery):
    kind = Text(load_default=None)
    status = _statuses(SUBJECT_STATUSES)


class RunsQuery(PageQuery):
    status = _statuses(RUN_STATUSES)
    function_id = Text(load_default=None)
    event_id = Text(load_default=None)
    report_id = Text(load_default=None)
    queued_after = Time(load_default=None)
    queued_before = Time(load_default=None)
    tag = fields.List(Text(), load_default=list, metadata=said("may be repeated: runs that have them all"))
    where = Text(
        load_default=None, metadata=said("a field of the event's data and its value, such as `data.reportId = 7`")
    )


class LinesQuery(Schema):
    step = Text(load_default=None)
    attempt = QueryNumber(
        load_default=None, validate=validate.Range(1, 2**31 - 1, error="expected a number from {min} to {max}")
    )
    level = Text(
        load_default="debug",
        validate=_one_of(LEVELS),
        metadata=said("this level and those above; what is printed counts as info"),
    )
    text = Text(load_default=None, metadata=said("only lines with this in them, in any case of letters"))


class LogsQuery(LinesQuery):
    limit = QueryNumber(
        load_default=MOST_LINES, validate=validate.Range(1, MOST_LINES, error="expected a number from {min} to {max}")
    )
    cursor = Text(load_default=None, metadata=said("`nextCursor` of the page before"))


class LogsDownloadQuery(LinesQuery):
    format = Text(load_default="text", validate=_one_of(("text", "json")), metadata=said("json: a line each"))


class EventsQuery(PageQuery):
    name = Text(load_default=None)
