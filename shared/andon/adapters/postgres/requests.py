"""What people ask of reports and runs: generate, cancel. Each is one transaction that makes its 202 true.

The caller gives a psycopg connection in a transaction, commits, and then publishes `Asked.events` and raises
`Asked.flags`.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import psycopg

from andon.adapters.postgres import wide
from andon.adapters.postgres.cancellations import remember_request_cancel
from andon.adapters.postgres.connect import LOCKING
from andon.adapters.postgres.inbox import accept, event_of
from andon.adapters.postgres.marks import Mark, Marked, mark
from andon.adapters.postgres.settle import lock_reports
from andon.adapters.postgres.wide import WideCancel
from andon.engine.errors import AndonError
from andon.engine.events import Event
from andon.engine.rules import run_flag
from andon.reports.events import CANCELLED, REQUESTED

RUN_CANCELLED = "andon/run.cancelled"
RUNS_CANCELLED = "andon/runs.cancelled"


class NotFound(AndonError):
    """There is no such thing in this tenant."""


class Conflict(AndonError):
    """The thing is not in a state in which this can be asked."""


@dataclass(frozen=True)
class Asked:
    """An accepted request: the events to publish once it is committed, and the runs to stop."""

    event: Event
    events: list[Event]
    cancelling: list[uuid.UUID] = field(default_factory=list)

    @property
    def flags(self) -> dict[str, int]:
        """The cancel flags to raise: name -> seq of the cancel event."""
        return {run_flag(run_id): self.event.seq for run_id in self.cancelling}


_LOCK = f"""
SELECT status, current_run_id, request_event_id, request_seq, cancel_requested_at, dataset_id, options, {LOCKING}
FROM andon.reports WHERE id = %s AND tenant = %s FOR UPDATE
"""

_LOCK_RUN = f"SELECT status, {LOCKING} FROM andon.runs WHERE id = %s FOR UPDATE"

_REQUEST = """
UPDATE andon.reports SET status = 'generating', requested_by = %(user)s::jsonb, requested_at = clock_timestamp(),
    request_seq = %(seq)s, request_event_id = %(event)s, current_run_id = NULL, error = NULL, completed_at = NULL,
    cancel_requested_at = NULL, cancelled_at = NULL, failed_at = NULL, updated_at = clock_timestamp(),
    version = version + 1
WHERE id = %(id)s
"""

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
    """Request the report's generation. Raises `NotFound`, or `Conflict` while it is generating."""
    row = connection.execute(_LOCK, [report_id, tenant]).fetchone()
    if row is None:
        raise NotFound("Report not found")
    status, dataset_id, options = row[0], row[5], row[6]
    if status == "generating":
        raise Conflict("Report is already generating")
    data = {
        "reportId": str(report_id),
        "datasetId": None if dataset_id is None else str(dataset_id),
        "options": options,
    }
    event = event_of(REQUESTED, data, tenant=tenant, user=user, traceparent=traceparent)
    [event] = accept(connection, [event])
    values = {"id": report_id, "seq": event.seq, "event": event.id, "user": None if user is None else json.dumps(user)}
    connection.execute(_REQUEST, values)
    return Asked(event, [event])


def cancel_report(
    connection: psycopg.Connection[Any],
    *,
    tenant: str,
    report_id: uuid.UUID,
    user: Any = None,
    reason: str | None = None,
    traceparent: str | None = None,
) -> Asked:
    """Cancel the report's generation, made or not yet made into a run.

    Raises `NotFound`, or `Conflict` when it isn't generating. Asked again, it is accepted again and changes nothing.
    """
    row = connection.execute(_LOCK, [report_id, tenant]).fetchone()
    if row is None:
        raise NotFound("Report not found")
    status, run_id, request_event_id = row[:3]
    refuse_idle(status)
    event = cancel_of_report(report_id, reason, tenant=tenant, user=user, traceparent=traceparent)
    [event] = accept(connection, [event])
    if run_id is None:
        remember_request_cancel(connection, event, request_event_id)
        connection.execute(_SHOW_CANCEL, [report_id])
        return Asked(event, [event])
    return _asked(event, mark(connection, [Mark(run_id, event)]))


def cancel_run(
    connection: psycopg.Connection[Any],
    *,
    tenant: str,
    run_id: uuid.UUID,
    user: Any = None,
    reason: str | None = None,
    traceparent: str | None = None,
) -> Asked:
    """Cancel one run by its id. Raises `NotFound`, or `Conflict` when it has ended."""
    row = connection.execute(
        "SELECT report_id FROM andon.runs WHERE id = %s AND tenant = %s", [run_id, tenant]
    ).fetchone()
    if row is None:
        raise NotFound("Run not found")
    lock_reports(connection, [row[0]] if row[0] else [])
    [status, _] = connection.execute(_LOCK_RUN, [run_id]).fetchone() or ["", ""]
    refuse_ended(status)
    event = cancel_of_run(run_id, reason, tenant=tenant, user=user, traceparent=traceparent)
    [event] = accept(connection, [event])
    return _asked(event, mark(connection, [Mark(run_id, event)]))


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
    user: Any = None,
    reason: str | None = None,
    traceparent: str | None = None,
) -> tuple[uuid.UUID, Asked]:
    """Cancel many runs at once; returns the cancellation's id. The sweeper applies it; no run it covers is claimed."""
    data = {
        "functionId": cancel.function_id,
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


def _asked(event: Event, marked: Marked) -> Asked:
    ended = [each.event for each in marked.settled if each.event]
    return Asked(event, [event, *ended], marked.cancelling)
