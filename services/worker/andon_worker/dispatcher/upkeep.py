"""Upkeep: wake sleepers, send hints, relay the outbox, reclaim runs of lost workers, settle what is overdue."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import psycopg

from andon.adapters.postgres.cancels import cascades
from andon.adapters.postgres.cancels.marks import Mark, Marked, mark
from andon.adapters.postgres.doors import gate, turns
from andon.adapters.postgres.runs import awaiting
from andon.adapters.postgres.runs.attempts import LOST
from andon.adapters.postgres.runs.settle import Settled, lock_reports, settle_void
from andon.adapters.postgres.statuses import CANCELLABLE, HELD
from andon.adapters.postgres.subjects import subjects
from andon.engine.dispatch.lines import ALONE, URGENT
from andon.engine.events import Event
from andon_worker.dispatcher.halving import halving

log = logging.getLogger(__name__)
CHUNK = 500

ALONE_FROM = 2  # one lost worker is mostly the worker's own end: such a run is resumed at once, by any other
_QUEUE = f"queue || CASE WHEN lost >= {ALONE_FROM} THEN '{ALONE}' WHEN kind <> 'function' THEN '{URGENT}' ELSE '' END"
_SLEEPERS = f"""
SELECT id, {_QUEUE}, tenant, door FROM andon.runs WHERE status = 'waiting' AND wake_at <= clock_timestamp()
ORDER BY wake_at LIMIT {CHUNK} FOR UPDATE SKIP LOCKED
"""
# One whose hint couldn't be followed keeps its place. The release before leaves turns of long ago.
_UNTOLD = f"""
SELECT id, {_QUEUE}, tenant, CASE WHEN line = {_QUEUE} AND turn >= (
    SELECT floor FROM andon.lines l WHERE l.line = runs.line) THEN turn END
FROM andon.runs WHERE status = 'queued' AND door IS NULL AND sent_at IS NULL
ORDER BY id LIMIT {CHUNK} FOR UPDATE OF runs SKIP LOCKED
"""
_TO_ITS_DOOR = """
UPDATE andon.runs SET status = 'queued', wake_at = NULL, debounce_key = NULL WHERE id = ANY(%s)
"""
_ENTER = """
UPDATE andon.runs r SET status = 'queued', wake_at = NULL, sent_at = clock_timestamp(), line = w.line, turn = w.turn,
    debounce_key = NULL
FROM unnest(%s::uuid[], %s::text[], %s::bigint[]) w (id, line, turn) WHERE r.id = w.id
"""
_FORGOTTEN = f"""
UPDATE andon.runs SET sent_at = clock_timestamp()
WHERE id IN (SELECT id FROM andon.runs
             WHERE status = 'queued' AND door IS NULL AND sent_at <= clock_timestamp() - %s::float8 * interval '1 s'
                AND {_QUEUE} = ANY(%s)
             ORDER BY sent_at LIMIT {CHUNK} FOR UPDATE SKIP LOCKED)
RETURNING id, {_QUEUE}
"""
_DUE = f"""
SELECT EXISTS (SELECT FROM andon.runs WHERE status = 'cancelling' AND cancel_deadline_at <= clock_timestamp()),
    EXISTS (SELECT FROM andon.wide_cancellations WHERE status <> 'done'),
    EXISTS (SELECT FROM andon.untold_ends),
    EXISTS (SELECT FROM andon.runs WHERE status IN {HELD} AND lease_until <= clock_timestamp()),
    EXISTS (SELECT FROM andon.runs WHERE status = 'waiting' AND wake_at <= clock_timestamp()),
    EXISTS (SELECT FROM andon.runs WHERE status = 'queued' AND door IS NULL AND sent_at IS NULL),
    EXISTS (SELECT FROM andon.runs
        WHERE status = 'queued' AND door IS NULL
            AND sent_at <= clock_timestamp() - %(forgotten)s::float8 * interval '1 s'),
    EXISTS (SELECT FROM andon.outbox
        WHERE coalesce(sent_at, created_at) < clock_timestamp() - %(relay)s::float8 * interval '1 s'),
    EXISTS (SELECT FROM andon.schedules WHERE paused_at IS NULL AND due_at <= clock_timestamp()),
    EXISTS (SELECT FROM andon.maintenance WHERE name = 'drain'),
    EXISTS (SELECT FROM andon.gate_due WHERE at <= clock_timestamp()),
    EXISTS (SELECT FROM andon.runs WHERE status = 'queued' AND door = subject_id),
    EXISTS (SELECT FROM andon.rows_owed WHERE next_at <= clock_timestamp()),
    ARRAY(SELECT ARRAY[tenant, kind, name] FROM andon.pauses),
    EXISTS (SELECT FROM andon.runs WHERE status = 'queued' AND start_by <= clock_timestamp())
        OR EXISTS (SELECT FROM andon.runs WHERE status IN {CANCELLABLE} AND finish_by <= clock_timestamp()),
    EXISTS (SELECT FROM andon.cascades),
    EXISTS (SELECT FROM andon.runs WHERE {awaiting.AWAITING}),
    EXISTS (SELECT FROM andon.pauses WHERE running = 'cancel' AND NOT applied),
    EXISTS (SELECT FROM andon.waits),
    EXISTS (SELECT FROM andon.waits WHERE NOT looked)
"""
_ALL_QUEUED = f"""
SELECT id, {_QUEUE} FROM andon.runs WHERE status = 'queued' AND door IS NULL AND id > %s ORDER BY id LIMIT {CHUNK * 10}
"""
_EXPIRED = f"""
SELECT id, report_id, subject_id, cancel_requested_at IS NOT NULL, lost, lost_step,
    coalesce((SELECT s.id FROM andon.steps s WHERE s.run_id = r.id AND s.status = 'completed'
              ORDER BY s.position DESC LIMIT 1), ''), current_step
FROM andon.runs r WHERE status IN {HELD} AND lease_until <= clock_timestamp()
ORDER BY id LIMIT 200
"""
_REQUEUE = f"""
WITH w AS (
    SELECT * FROM unnest(%s::uuid[], %s::int[], %s::text[]) w (run_id, count, step)
), free AS MATERIALIZED (
    SELECT f.*, w.count, w.step FROM w, LATERAL (
        SELECT * FROM andon.runs f WHERE f.id = w.run_id AND f.status = 'running' AND f.lease_until <= clock_timestamp()
        FOR UPDATE SKIP LOCKED) f
), attempt AS ({LOST})
UPDATE andon.runs r SET status = 'queued', lost = f.count, lost_step = f.step, lease_until = NULL, sent_at = NULL,
    turn = NULL, current_step = NULL, step_started_at = NULL
FROM free f WHERE r.id = f.id
RETURNING r.id
"""
_LATE = f"""
(SELECT id, report_id, 'start_timeout' FROM andon.runs
 WHERE status = 'queued' AND start_by <= clock_timestamp() ORDER BY start_by LIMIT {CHUNK})
UNION ALL
(SELECT id, report_id, 'finish_timeout' FROM andon.runs
 WHERE status IN {CANCELLABLE} AND finish_by <= clock_timestamp() ORDER BY finish_by LIMIT {CHUNK})
"""
_OVERDUE = """
SELECT id, report_id, subject_id FROM andon.runs
WHERE status = 'cancelling' AND cancel_deadline_at <= clock_timestamp() LIMIT 200
"""

Hint = tuple[uuid.UUID, str]
Locked = tuple[uuid.UUID, uuid.UUID | None, uuid.UUID | None]
"""A run, with the report and the subject that are locked before it."""


class Due(NamedTuple):
    """What there is to do: each is asked for by the verb of its name, of which most turns need none. `drained` is none:
    it says that no worker is to be told of a run; nor `awaited`, that some run waits for something; nor `paused`:
    tenant, kind and name of each pause.
    """

    overdue: bool
    sweep: bool
    tell: bool
    reclaim: bool
    wake: bool
    unsent: bool
    forgotten: bool
    relay: bool
    tick: bool
    drained: bool
    doors: bool
    subject_doors: bool
    rows: bool
    paused: list[list[str]]
    late: bool
    cascade: bool
    outlived: bool
    cancel_paused: bool
    awaited: bool
    look: bool


def due(connection: psycopg.Connection[Any], *, forgotten_after: float, relay_after: float) -> Due:
    """What is to be done now, in one look; both times are in seconds."""
    row = connection.execute(_DUE, {"forgotten": forgotten_after, "relay": relay_after}).fetchone()
    assert row is not None
    return Due(*row)


def wake(connection: psycopg.Connection[Any]) -> list[Hint]:
    """Queue the waiting runs whose time has come; returns what to hint. In a transaction that holds the leadership.

    Those that gave back their slots while they waited are queued at a door, where they keep their place.
    """
    rows = connection.execute(_SLEEPERS).fetchall()
    if doors := {id: door for id, _, _, door in rows if door is not None}:
        connection.execute(_TO_ITS_DOOR, [list(doors)])
        gate.look_at(connection, set(doors.values()))
    return _enter(connection, [(id, line, tenant, None) for id, line, tenant, _ in rows if id not in doors])


def unsent(connection: psycopg.Connection[Any]) -> list[Hint]:
    """Queued runs of which nobody was told yet. In a transaction that holds the leadership."""
    return _enter(connection, connection.execute(_UNTOLD).fetchall())


def _enter(connection: psycopg.Connection[Any], runs: Sequence[tuple[uuid.UUID, str, str, int | None]]) -> list[Hint]:
    """Let these runs (id, line, tenant, the turn that it has kept) stand in their lines."""
    if not runs:
        return []
    given = iter(turns.give(connection, [(line, tenant) for _, line, tenant, kept in runs if kept is None]))
    rows = [(id, line, next(given) if kept is None else kept) for id, line, _, kept in runs]
    connection.execute(_ENTER, [list(column) for column in zip(*rows, strict=True)])
    return [(id, line) for id, line, _ in rows]


def forgotten(connection: psycopg.Connection[Any], seconds: float, idle: Sequence[str]) -> list[Hint]:
    """Queued runs that were hinted over `seconds` ago to `idle` queues, in which no hint waits: lost hints."""
    return connection.execute(_FORGOTTEN, [seconds, list(idle)]).fetchall()


def all_queued(connection: psycopg.Connection[Any]) -> Iterator[list[Hint]]:
    """Every queued run, some thousands at a time: what to hint when Redis has lost everything."""
    after = uuid.UUID(int=0)
    while hints := connection.execute(_ALL_QUEUED, [after]).fetchall():
        yield hints
        after = hints[-1][0]


def reclaim(connection: psycopg.Connection[Any], lost_limit: int) -> list[Settled]:
    """Take back runs whose worker's lease ran out: queue them again, or settle them.

    A run whose cancel is pending is cancelled: its body has no lease any more. One that has lost `lost_limit`
    workers without finishing another step has failed; never before it was tried alone.
    """
    lost_limit = max(lost_limit, ALONE_FROM + 1)
    rows = connection.execute(_EXPIRED).fetchall()
    again, void, failed = [], [], []
    for id, report_id, subject, cancelled, lost, lost_step, step, current in rows:
        count = lost + 1 if lost_step == step else 1
        if cancelled:
            void.append((id, report_id, subject))
        elif count >= lost_limit:
            failed.append((id, report_id, subject, step, current))
        else:
            again.append((id, count, step))
    if again:
        requeued = connection.execute(_REQUEUE, [list(column) for column in zip(*again, strict=True)]).fetchall()
        for (id,) in requeued:
            log.warning("run %s lost its worker and is queued again", id, extra={"run": str(id)})
    if void:
        awaiting.take_back(connection, [id for id, _, _ in void])
    settled = _settle(connection, void, forced=False)
    for id, report_id, subject, step, current in failed:
        where = f"after step {step!r}" if step else "before its first step was finished"
        if current is not None and current != step:
            where = f"in step {current!r}"
        message = f"{lost_limit} workers were lost while executing this run {where}"
        log.error("run %s: %s", id, message, extra={"run": str(id)})
        error = json.dumps({"type": "WorkerLost", "message": message, "step": current})
        settled += _settle(connection, [(id, report_id, subject)], forced=False, error=error)
    return settled


def late(connection: psycopg.Connection[Any]) -> Marked:
    """Cancel runs that haven't started, or haven't ended, in time."""
    with connection.transaction():
        rows = connection.execute(_LATE).fetchall()
        lock_reports(connection, sorted({report for _, report, _ in rows if report is not None}))
        marked = mark(connection, [Mark(id, Event(""), cause) for id, _, cause in rows])
        cascades.note_marked(connection, marked)
        return marked


def overdue(connection: psycopg.Connection[Any]) -> list[Settled]:
    """Settle by force the cancelled runs whose code has not stopped by their deadline."""
    rows = connection.execute(_OVERDUE).fetchall()
    for id, _, _ in rows:
        log.error("run %s has not stopped by its cancel deadline: settled by force", id, extra={"run": str(id)})
    return _settle(connection, rows, forced=True)


def outlived(connection: psycopg.Connection[Any]) -> list[Settled]:
    """Settle cancelled runs that had to wait for their children's ends."""
    return _each_settled(connection, awaiting.over(connection), lambda ids: awaiting.settle(connection, ids))


def _settle(
    connection: psycopg.Connection[Any],
    runs: list[Locked],
    *,
    forced: bool,
    error: str | None = None,
) -> list[Settled]:
    return _each_settled(connection, runs, lambda ids: settle_void(connection, ids, forced=forced, error=error))


def _each_settled(
    connection: psycopg.Connection[Any], runs: list[Locked], by: Callable[[list[uuid.UUID]], list[Settled]]
) -> list[Settled]:
    """Settle these; one whose data keep it from being settled keeps no other."""
    settled: list[Settled] = []

    def settle(some: Sequence[Locked]) -> None:
        ids, reports = [id for id, _, _ in some], sorted({report for _, report, _ in some if report is not None})
        about = {subject for _, _, subject in some if subject is not None}
        with connection.transaction() if reports or about else nullcontext():
            lock_reports(connection, reports)
            subjects.lock(connection, about)
            settled.extend(by(ids))

    def tell(run: Locked, failure: Exception) -> None:
        log.error("run %s can't be settled", run[0], exc_info=failure, extra={"run": str(run[0])})

    halving(runs, settle, tell)
    return settled
