"""What people ask of subjects: a run, or its end. Each makes its 202 true in the transaction that accepts it.

As in `requests`, the caller publishes `Asked.events` and raises `Asked.flags` once it is committed.
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from andon.adapters.postgres.asks.requests import Ask, Asked, Check, Conflict, NotFound, asked, there
from andon.adapters.postgres.cancels.causes import CancelCause
from andon.adapters.postgres.cancels.keyed import remember_request_cancel
from andon.adapters.postgres.cancels.marks import Mark, mark
from andon.adapters.postgres.connect import LOCKING, Connection, columns, json_text
from andon.adapters.postgres.events.inbox import accept, recorded_as
from andon.adapters.postgres.statements import Statement
from andon.adapters.postgres.subjects import subject_kinds, subjects
from andon.adapters.postgres.subjects.subject_kinds import Kind
from andon.adapters.postgres.subjects.subjects import BEFORE, Found, Named, RowAway
from andon.engine.declared.subjects import KIND, id_text, placed
from andon.engine.events import SUBJECT_CANCELLED, Event

# What becomes of a subject that is asked for, whatever it was.
_ACTIVE = """
    status = 'active', requested_at = clock_timestamp(), current_run_id = NULL, error = NULL, completed_at = NULL,
    cancel_requested_at = NULL, cancelled_at = NULL, failed_at = NULL, updated_at = clock_timestamp(),
    version = s.version + 1
"""
# Follows a CTE `event` with what was recorded, if it was: the subject is active from then on.
REQUESTING = f"""
, opened AS (
    INSERT INTO andon.outbox (event_seq) SELECT seq FROM event
), requested AS (
    UPDATE andon.subjects s SET requested_by = %(user)s::jsonb, request_seq = e.seq, request_event_id = e.id,
        before = {BEFORE.format(row="%(before)s::jsonb")}, {_ACTIVE}
    FROM event e WHERE s.id = %(subject)s
    RETURNING andon.follow(s)
)
"""
# In one statement, which goes by the subject as it is when it has its lock.
_REQUEST = Statement(f"""
WITH subject AS (
    SELECT id, status, cancel_requested_at FROM andon.subjects WHERE id = %(subject)s FOR UPDATE
), event AS (
    INSERT INTO andon.events (tenant, id, name, data, ts, "user", traceparent)
    SELECT %(tenant)s, %(event)s, %(name)s, %(data)s::jsonb, clock_timestamp(), %(user)s::jsonb, %(traceparent)s
    FROM subject WHERE status <> 'active' OR cancel_requested_at IS NOT NULL
    RETURNING seq, id, ts
){REQUESTING}
SELECT event.seq, event.ts, {LOCKING} FROM subject LEFT JOIN event ON true
""")
# Events of the outbox that ask for subjects: each subject is moved by the newest of them.
_MOVE = f"""
UPDATE andon.subjects s SET requested_by = w."user"::jsonb, request_seq = w.seq, request_event_id = w.event_id,
    before = {BEFORE.format(row="w.before::jsonb")}, {_ACTIVE}
FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::text[]) w (subject_id, seq, event_id, "user", before)
WHERE s.id = w.subject_id AND coalesce(s.request_seq, 0) < w.seq
RETURNING andon.follow(s)
"""
_LOCK = f"""
SELECT status, request_event_id, current_run_id, version, {LOCKING}
FROM andon.subjects WHERE id = %s FOR UPDATE
"""


def kind_of(connection: Connection, kind: str) -> Kind:
    """The kind; raises `NotFound`."""
    found = subject_kinds.find(connection, kind) if KIND.fullmatch(kind) else None
    return there(found, f"No function moves subjects of kind {kind!r}")


def named(connection: Connection, tenant: str, kind: str, id: str) -> Named:
    """The subject that is meant, by its row where one is followed. Raises `NotFound`, or `RowAway`."""
    if id_text(id) is None:
        raise NotFound(f"There is no {kind} of this id")
    [found] = subjects.find(connection, [(kind, tenant, id)])
    return _named(tenant, kind, id, found)


def _named(tenant: str, kind: str, id: str, found: Found) -> Named:
    if found.waits:
        raise RowAway(kind, found.fault)
    if found.fault is not None:
        raise Conflict(f"The row of {kind} {id} can't be looked for: {found.fault}")
    return Named(tenant, kind, there(found.key, f"There is no {kind} {id}"), found.before)


def asked_before(connection: Connection, tenant: str, kind: str, id: str) -> Named:
    """As `named`, to be cancelled: one that was asked for by this id can be while its row can't be looked for."""
    try:
        return named(connection, tenant, kind, id)
    except RowAway:
        subject = Named(tenant, kind, id)
        if not subjects.known(connection, [subject.id]):
            raise
        return subject


def data_of(kind: Kind, subject: Named, data: Mapping[str, Any]) -> dict[str, Any]:
    """The trigger's data: these, with the id in its place as the row's key has it."""
    return placed(data, kind.path, kind.shown(subject.key))


def request(connection: Connection, kind: Kind, subject: Named, data: Mapping[str, Any], ask: Ask) -> Asked:
    """Request a run about the subject: send its function's trigger, with the id in its place. Raises `Conflict` while
    another run is wanted.

    One that is being cancelled may be requested again: the new run waits until the former one's code has stopped.
    """
    whole = data_of(kind, subject, data)
    event = ask.event(kind.trigger, whole)
    values = {
        **recorded_as(event),
        "subject": subject.id,
        "data": json.dumps(whole),
        "before": json_text(subject.before),
    }
    row = _REQUEST.execute(connection, values).fetchone()
    if row is None:
        subjects.make(connection, [subject])
        row = _REQUEST.execute(connection, values).fetchone()
    seq, ts, _ = there(row, f"There is no {subject.kind} {subject.key}")
    if seq is None:
        raise Conflict(f"The {subject.kind} {subject.key} is active: it has a run that is neither ended nor cancelled")
    event = replace(event, seq=seq, ts=ts)
    return Asked(event, [event], subject_id=subject.id)


def cancel_event(subject: Named, ask: Ask) -> Event:
    """The event that cancels this subject's current run."""
    return ask.cancel(SUBJECT_CANCELLED, kind=subject.kind, id=subject.key)


def refuse_inactive(subject: Named, status: str) -> None:
    """Raise `Conflict` for a subject of which there is nothing to cancel."""
    if status != "active":
        raise Conflict(f"The {subject.kind} {subject.key} is not active: there is nothing to cancel")


def version(connection: Connection, subject: Named) -> int:
    """Which version of the subject this is, and stays in the caller's transaction: 0 before it is asked for first."""
    row = connection.execute(_LOCK, [subject.id]).fetchone()
    return row[3] if row else 0


def cancel(
    connection: Connection,
    subject: Named,
    event: Event,
    *,
    only_run: uuid.UUID | None = None,
    check: Check | None = None,
    refuse: Callable[[str, uuid.UUID | None], None] | None = None,
) -> Asked:
    """Cancel by this event what the subject's newest request wants, made or not yet made into a run.

    Raises `Conflict`, also when its current run is another than `only_run`; `check` may refuse its version, `refuse`
    its status or run. In the caller's transaction. Asked again, it is accepted again and changes nothing.
    """
    row = connection.execute(_LOCK, [subject.id]).fetchone()
    status, request_event_id, run_id, version = row[:4] if row else ("idle", "", None, 0)
    if check is not None:
        check(version)
    if refuse is not None:
        refuse(status, run_id)
    refuse_inactive(subject, status)
    if only_run is not None and only_run != run_id:
        said = f"The current run of {subject.kind} {subject.key} is {run_id or 'not made yet'}, not {only_run}"
        raise Conflict(said, code="another-run")
    [event] = accept(connection, [event])
    if run_id is None:
        remember_request_cancel(connection, event, request_event_id)
        subjects.show_cancel(connection, subject.id)
        return Asked(event, [event], subject_id=subject.id)
    return asked(event, mark(connection, [Mark(run_id, event)]), run_id)


def asked_by(connection: Connection, events: Sequence[Event]) -> dict[uuid.UUID, tuple[Named, Event]]:
    """The subjects that these events ask for, each with the newest that does. One that names no row asks for none, and
    one that a rule of the function may refuse for none yet: the dispatcher sees to these.
    """
    kinds = subject_kinds.asked_by(connection, [each.name for each in events])
    asking = [
        (event, kind.kind, id)
        for event in events
        for kind in kinds
        if kind.trigger == event.name and (id := kind.named_in(event.data)) is not None
    ]
    found = subjects.find(connection, [(kind, event.tenant, id) for event, kind, id in asking])
    newest: dict[uuid.UUID, tuple[Named, Event]] = {}
    for (event, of_kind, _), row in sorted(zip(asking, found, strict=True), key=lambda pair: pair[0][0].seq):
        if row.key is not None:
            subject = Named(event.tenant, of_kind, row.key, row.before)
            newest[subject.id] = subject, event
    subjects.make(connection, (subject for subject, _ in newest.values()))
    return newest


def move(connection: Connection, asked_for: Mapping[uuid.UUID, tuple[Named, Event]]) -> list[Mark]:
    """Let these subjects be active; the marks of the runs that are replaced. They are locked by the caller."""
    former = subjects.former_runs(connection, asked_for)
    rows = [
        (id, event.seq, event.id, json_text(event.user), json_text(subject.before))
        for id, (subject, event) in asked_for.items()
    ]
    if rows:
        connection.execute(_MOVE, columns(rows))
    return [Mark(each.id, asked_for[each.subject_id][1], CancelCause.SUPERSEDED) for each in former]
