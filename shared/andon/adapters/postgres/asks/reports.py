"""What people ask of reports: generate, cancel. A report is a subject, whose events have names of their own.

As in `requests`, the caller publishes `Asked.events` and raises `Asked.flags` once it is committed. The lock order is
the subject, then the report's row.
"""

import uuid
from dataclasses import replace

from andon.adapters.postgres.asks import held, subject_requests
from andon.adapters.postgres.asks.requests import Ask, Asked, Check, Conflict, there
from andon.adapters.postgres.asks.subject_requests import REQUESTING
from andon.adapters.postgres.connect import LOCKING, Connection
from andon.adapters.postgres.events.inbox import recorded_as
from andon.adapters.postgres.statements import Statement
from andon.adapters.postgres.subjects import subjects
from andon.adapters.postgres.subjects.subjects import Named
from andon.engine.declared.subjects import subject_id
from andon.engine.events import Event
from andon.reports.events import CANCELLED, KIND, REQUESTED

# The report as it is when it has its lock. What it was before is kept as a followed row's is.
_GENERATE = Statement(f"""
WITH subject AS (
    SELECT id, status FROM andon.subjects WHERE id = %(subject)s FOR UPDATE
), report AS (
    SELECT r.id, r.dataset_id, r.options, s.status FROM subject s, andon.reports r
    WHERE r.id = %(id)s AND r.tenant = %(tenant)s FOR SHARE OF r
), event AS (
    INSERT INTO andon.events (tenant, id, name, data, ts, "user", traceparent)
    SELECT %(tenant)s, %(event)s, %(name)s,
        jsonb_build_object('reportId', id, 'datasetId', dataset_id, 'options', options),
        clock_timestamp(), %(user)s::jsonb, %(traceparent)s
    FROM report WHERE status <> 'active' AND dataset_id IS NOT NULL
    RETURNING seq, id, data, ts
){REQUESTING}
SELECT report.status, event.seq, event.data, event.ts, {LOCKING} FROM report LEFT JOIN event ON true
""")
_FIND = "SELECT FROM andon.reports WHERE id = %s AND tenant = %s"
_LOCK = f"SELECT version, {LOCKING} FROM andon.reports WHERE id = %s AND tenant = %s FOR UPDATE"
_OF_SUBJECT = "SELECT status = 'active', version FROM andon.subjects WHERE id = %s"
NO_REPORT = "Report not found"
_FORGET = "DELETE FROM andon.subjects WHERE id = %s"


def of(tenant: str, report_id: uuid.UUID) -> uuid.UUID:
    """The key of the report's subject."""
    return subject_id(tenant, KIND, str(report_id))


def generate(connection: Connection, report_id: uuid.UUID, ask: Ask) -> Asked:
    """Request the report's generation, in one statement. Raises `NotFound`, or `Conflict` saying why it can't be."""
    event = ask.event(REQUESTED, {})
    values = {**recorded_as(event), "subject": of(ask.tenant, report_id), "id": report_id, "before": None}
    row = _GENERATE.execute(connection, values).fetchone()
    if row is None:  # it was never asked for
        _require(connection, ask.tenant, report_id)
        subjects.make(connection, [Named(ask.tenant, KIND, str(report_id))])
        row = _GENERATE.execute(connection, values).fetchone()
    status, seq, data, ts, _ = there(row, NO_REPORT)
    if status == "active":
        raise Conflict("Report is already generating")
    if seq is None:
        raise Conflict("Report has no dataset: choose one before it is generated")
    event = replace(event, data=data, seq=seq, ts=ts)
    return Asked(event, [event], subject_id=values["subject"])


def cancel(
    connection: Connection,
    report_id: uuid.UUID,
    ask: Ask,
    *,
    only_run: uuid.UUID | None = None,
    check: Check | None = None,
) -> Asked:
    """Cancel the report's generation, made or not yet made into a run.

    Raises `NotFound`, or `Conflict` when it isn't generating, or when its current run is another than `only_run`;
    `check` may refuse its version. Asked again, it is accepted again and changes nothing.
    """
    if check is not None:
        check(locked(connection, ask.tenant, report_id)[1])

    def refuse(status: str, run_id: uuid.UUID | None) -> None:
        if status != "active":
            _require(connection, ask.tenant, report_id)
        _refuse_idle(status)
        if only_run is not None and only_run != run_id:
            raise Conflict(f"Report's current run is {run_id or 'not made yet'}, not {only_run}", code="another-run")

    return subject_requests.cancel(connection, *_cancel_of(report_id, ask), refuse=refuse)


def cancel_held(connection: Connection, report_id: uuid.UUID, ask: Ask) -> Asked | None:
    """As `cancel`, in one statement, if a worker holds the report's run; else None."""
    return held.cancel_subject(connection, *_cancel_of(report_id, ask), refuse=_refuse_idle)


def locked(connection: Connection, tenant: str, report_id: uuid.UUID) -> tuple[bool, int]:
    """Whether the report is generating, and its version: both stay so until the transaction ends. Raises `NotFound`."""
    subject = of(tenant, report_id)
    subjects.lock(connection, [subject])
    row = there(connection.execute(_LOCK, [report_id, tenant]).fetchone(), NO_REPORT)
    active, moves = connection.execute(_OF_SUBJECT, [subject]).fetchone() or (False, 0)
    return active, row[0] + moves


def forget(connection: Connection, tenant: str, report_id: uuid.UUID) -> None:
    """Forget the subject of a report that is deleted."""
    connection.execute(_FORGET, [of(tenant, report_id)])


def _require(connection: Connection, tenant: str, report_id: uuid.UUID) -> None:
    there(connection.execute(_FIND, [report_id, tenant]).fetchone(), NO_REPORT)


def _refuse_idle(status: str) -> None:
    if status != "active":
        raise Conflict("Report is not currently generating")


def _cancel_of(report_id: uuid.UUID, ask: Ask) -> tuple[Named, Event]:
    return Named(ask.tenant, KIND, str(report_id)), ask.cancel(CANCELLED, reportId=str(report_id))
