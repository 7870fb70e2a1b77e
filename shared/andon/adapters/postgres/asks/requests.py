"""What people ask of reports and runs: generate, cancel. Each is one transaction that makes its 202 true.

The caller gives a psycopg connection in a transaction, commits, and then publishes `Asked.events` and raises
`Asked.flags`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg

from andon.adapters.postgres.cancels import wide
from andon.adapters.postgres.cancels.cancellations import remember_request_cancel
from andon.adapters.postgres.cancels.marks import Mark, Marked, mark
from andon.adapters.postgres.connect import LOCKING
from andon.adapters.postgres.events.inbox import accept, event_of, recorded_as
from andon.adapters.postgres.events.own_events import WideCancel
from andon.adapters.postgres.runs.settle import lock_reports
from andon.adapters.postgres.statements import Statement
from andon.adapters.postgres.subjects import subjects
from andon.engine.declared.rules import run_flag
from andon.engine.errors import AndonError
from andon.engine.events import RUN_CANCELLED, RUNS_CANCELLED, Event
from andon.reports.events import CANCELLED, REQUESTED


class NotFound(AndonError):
    """There is no such thing in this tenant."""


class Conflict(AndonError):
    """The thing is not in a state in which this can be asked. `code` tells kinds of it apart."""

    def __init__(self, message: str, *, code: str = "conflict") -> None:
        super().__init__(message)
        self.code = code


Check = Callable[[object], None]
"""Refuses, by raising, a version of what is changed."""


@dataclass(frozen=True)
class Asked:
    """An accepted request: the events to publish once it is committed, and the runs to stop."""

    event: Event
    events: list[Event]
    cancelling: list[uuid.UUID] = field(default_factory=list)
    run_id: uuid.UUID | None = None
    """The run that it is about, once that is made."""
    family: bool = False
    """Whether that may have children."""

    @property
    def flags(self) -> dict[str, int]:
        """The cancel flags to raise: name -> seq of the cancel event."""
        return {run_flag(run_id): self.event.seq for run_id in self.cancelling}


_LOCK = f"""
SELECT status, current_run_id, request_event_id, version, {LOCKING}
FROM andon.reports WHERE id = %s AND tenant = %s FOR UPDATE
"""

_LOCK_RUN = f"SELECT status, attempt, {LOCKING} FROM andon.runs WHERE id = %s FOR UPDATE"

_GENERATE = Statement(f"""
WITH report AS (
    SELECT id, status, dataset_id, options FROM andon.reports WHERE id = %(id)s AND tenant = %(tenant)s FOR UPDATE
), event AS (
    INSERT INTO andon.events (tenant, id, name, data, ts, "user", traceparent)
    SELECT %(tenant)s, %(event)s, %(name)s,
        jsonb_build_object('reportId', id, 'datasetId', dataset_id, 'options', options),
        clock_timestamp(), %(user)s::jsonb, %(traceparent)s
    FROM report WHERE status <> 'generating' AND dataset_id IS NOT NULL
    RETURNING seq, id, data, ts
), opened AS (
    INSERT INTO andon.outbox (event_seq) SELECT seq FROM event
), requested AS (
    UPDATE andon.reports p SET status = 'generating', requested_by = %(user)s::jsonb, requested_at = clock_timestamp(),
        request_seq = e.seq, request_event_id = e.id, current_run_id = NULL, error = NULL, completed_at = NULL,
        cancel_requested_at = NULL, cancelled_at = NULL, failed_at = NULL, updated_at = clock_timestamp(),
        version = p.version + 1
    FROM event e WHERE p.id = %(id)s
)
SELECT report.status, event.seq, event.data, event.ts, {LOCKING} FROM report LEFT JOIN event ON true
""")

_SHOW_CANCEL = """
UPDATE andon.reports SET cancel_requested_at = clock_timestamp(), version = version + 1
WHERE id = %s AND cancel_requested_at IS NULL
"""


def generate(
    connection: psycopg.Connection[Any],
    *,
    tenant: str,
    report_id: uuid.UUID,
    user: Any = None,
    traceparent: str | None = None,
) -> Asked:
    """Request the report's generation, in one statement. Raises `NotFound`, or `Conflict` saying why it can't be."""
    event = event_of(REQUESTED, {}, tenant=tenant, user=user, traceparent=traceparent)
    row = _GENERATE.execute(connection, {**recorded_as(event), "id": report_id}).fetchone()
    if row is None:
        raise NotFound("Report not found")
    status, seq, data, ts, _ = row
    if status == "generating":
        raise Conflict("Report is already generating")
    if seq is None:
        raise Conflict("Report has no dataset: choose one before it is generated")
    event = replace(event, data=data, seq=seq, ts=ts)
    return Asked(event, [event])


def cancel_report(
    connection: psycopg.Connection[Any],
    *,
    tenant: str,
    report_id: uuid.UUID,
    user: Any = None,
    reason: str | None = None,
    traceparent: str | None = None,
    only_run: uuid.UUID | None = None,
    check: Check | None = None,
) -> Asked:
    """Cancel the report's generation, made or not yet made into a run.

    Raises `NotFound`, or `Conflict` when it isn't generating, or when its current run is another than `only_run`;
    `check` may refuse its version. Asked again, it is accepted again and changes nothing.
    """
    row = connection.execute(_LOCK, [report_id, tenant]).fetchone()
    if row is None:
        raise NotFound("Report not found")
    status, run_id, request_event_id, version = row[:4]
    if check is not None:
        check(version)
    refuse_idle(status)
    if only_run is not None and only_run != run_id:
        raise Conflict(f"Report's current run is {run_id or 'not made yet'}, not {only_run}", code="another-run")
    event = cancel_of_report(report_id, reason, tenant=tenant, user=user, traceparent=traceparent)
    [event] = accept(connection, [event])
    if run_id is None:
        remember_request_cancel(connection, event, request_event_id)
        connection.execute(_SHOW_CANCEL, [report_id])
        return Asked(event, [event])
    return asked(event, mark(connection, [Mark(run_id, event)]), run_id)


def cancel_run(
    connection: psycopg.Connection[Any],
    *,
    tenant: str,
    run_id: uuid.UUID,
    user: Any = None,
    reason: str | None = None,
    traceparent: str | None = None,
    check: Check | None = None,
) -> Asked:
    """Cancel one run by its id. Raises `NotFound`, or `Conflict` when it has ended; `check` may refuse its version."""
    row = connection.execute(
        "SELECT report_id, subject_id FROM andon.runs WHERE id = %s AND tenant = %s", [run_id, tenant]
    ).fetchone()
    if row is None:
        raise NotFound("Run not found")
    lock_reports(connection, [row[0]] if row[0] else [])
    subjects.lock(connection, [row[1]])
    [status, attempt, _] = connection.execute(_LOCK_RUN, [run_id]).fetchone() or ["", 0, ""]
    if check is not None:
        check(version_of_run(status, attempt))
    refuse_ended(status)
    event = cancel_of_run(run_id, reason, tenant=tenant, user=user, traceparent=traceparent)
    [event] = accept(connection, [event])
    return asked(event, mark(connection, [Mark(run_id, event)]), run_id)


def version_of_run(status: str, attempt: int) -> str:
    """What of a run has to be the same for a change of it not to be stale."""
    return f"{status}-{attempt}"


def version_of_report(connection: psycopg.Connection[Any], tenant: str, report_id: uuid.UUID) -> int:
    """The report's version, which stays as it is until the transaction ends. Raises `NotFound`."""
    row = connection.execute(_LOCK, [report_id, tenant]).fetchone()
    if row is None:
        raise NotFound("Report not found")
    version: int = row[3]
    return version


def cancel_of_report(
    report_id: uuid.UUID, reason: str | None, *, tenant: str, user: Any, traceparent: str | None
) -> Event:
    """The event that cancels this report."""
    return event_of(
        CANCELLED, _because("reportId", report_id, reason), tenant=tenant, user=user, traceparent=traceparent
    )


def cancel_of_run(run_id: uuid.UUID, reason: str | None, *, tenant: str, user: Any, traceparent: str | None) -> Event:
    """The event that cancels this run."""
    return event_of(RUN_CANCELLED, _because("runId", run_id, reason), tenant=tenant, user=user, traceparent=traceparent)


def refuse_idle(status: str) -> None:
    """Raise `Conflict` for a report in which there is nothing to cancel."""
    if status != "generating":
        raise Conflict("Report is not currently generating")


def refuse_ended(status: str) -> None:
    """Raise `Conflict` for a run in which there is nothing to cancel."""
    if status in {"completed", "failed", "cancelled"}:
        raise Conflict(f"Run has ended: {status}")


def cancel_many(
    connection: psycopg.Connection[Any],
    *,
    tenant: str,
    cancel: WideCancel,
    tag: str | None = None,
    user: Any = None,
    reason: str | None = None,
    traceparent: str | None = None,
) -> tuple[uuid.UUID, Asked]:
    """Cancel many runs at once; returns the cancellation's id. The sweeper applies it; no run it covers is claimed."""
    data = {
        "functionId": cancel.function_id or None,
        **({} if tag is None else {"tag": tag}),
        "startedAfter": cancel.started_after and cancel.started_after.isoformat(),
        "startedBefore": cancel.started_before and cancel.started_before.isoformat(),
        "if": cancel.expression,
        "reason": reason,
    }
    event = event_of(RUNS_CANCELLED, data, tenant=tenant, user=user, traceparent=traceparent)
    [event] = accept(connection, [event])
    id = wide.store(connection, event, cancel)
    if id is None:
        raise Conflict("This cancellation is recorded already")
    return id, Asked(event, [event])


def _because(field: str, id: uuid.UUID, reason: str | None) -> dict[str, Any]:
    return {field: str(id), **({} if reason is None else {"reason": reason})}


def asked(event: Event, marked: Marked, run_id: uuid.UUID) -> Asked:
    """What came of marking the run on behalf of the event."""
    ended = [each.event for each in marked.settled if each.event]
    return Asked(event, [event, *ended], marked.cancelling, run_id, family=True)
