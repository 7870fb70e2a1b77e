"""A function of a team that came with a table of its own: three steps, a cleanup, and a row that is to be true."""

from __future__ import annotations

import json
import time
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from andon import CancelOn, Event, NonRetriable, Row, Step, Subject, function

# As somebody else made it, long before.
TABLE = """
CREATE TABLE public.exports (
    id text PRIMARY KEY, status text NOT NULL DEFAULT 'pending', data jsonb, error text,
    completed_at timestamptz, cancelled_at timestamptz, failed_at timestamptz, cleanups int NOT NULL DEFAULT 0,
    CONSTRAINT check_valid_status CHECK (status IN ('pending', 'generating', 'generated', 'cancelled', 'failed')))
"""
WRONG = """
SELECT x.id, x.status, s.status AS subject, r.status AS run, o.reason
FROM public.exports x LEFT JOIN andon.subjects s ON s.kind = 'export' AND s.key = x.id
LEFT JOIN andon.runs r ON r.id = s.current_run_id LEFT JOIN andon.rows_owed o ON o.subject_id = s.id
WHERE x.status IS DISTINCT FROM CASE s.status WHEN 'completed' THEN 'generated' WHEN 'active' THEN 'generating'
        ELSE coalesce(s.status, 'pending') END
    OR s.status IN ('completed', 'failed', 'cancelled') AND r.status IS DISTINCT FROM s.status
    OR r.event_seq <> (SELECT max(n.event_seq) FROM andon.runs n WHERE n.subject_id = s.id AND n.kind = 'function')
    OR s.status = 'active' AND r.ended_at IS NOT NULL
"""
"""Rows that don't say what their subject says, or whose subject doesn't say what its newest run does."""


def tidy(event: Event, step: Step) -> None:
    """Touches the row, as the cleanup of a former run does that comes late."""
    step.transaction("tidy", _count_cleanup, event.data["exportId"])


def _count_cleanup(session: Session, id: str) -> None:
    session.execute(text("UPDATE public.exports SET cleanups = cleanups + 1 WHERE id = :id"), {"id": id})


@function(
    id="make-export",
    trigger="export/requested",
    cancel_on=[CancelOn("export/cancelled", match="data.exportId")],
    retries=0,
    on_cancel=tidy,
    on_failure=tidy,
    subject=Subject(
        "export",
        "data.exportId",
        row=Row(
            "public.exports",
            active="generating",
            completed="generated",
            failed="failed",
            cancelled="cancelled",
            error="error",
            at={"completed": "completed_at", "cancelled": "cancelled_at", "failed": "failed_at"},
        ),
    ),
)
def make_export(event: Event, step: Step) -> str:
    """Each of its transactions holds the row for a while."""
    said = dict(event.data)
    id, seconds = str(said["exportId"]), float(said.get("seconds", 0.0))
    step.transaction("fetch-report", _touch, id, {"fetched": True}, seconds / 3)
    step.run("generate-data", _generate, said, seconds / 3, step)
    step.transaction("save-results", _touch, id, {"rows": 3}, seconds / 3)
    return id


def _touch(session: Session, id: str, data: dict[str, Any], seconds: float) -> None:
    values = {"id": id, "data": json.dumps(data), "seconds": seconds}
    session.execute(text("UPDATE public.exports SET data = :data WHERE id = :id"), values)
    session.execute(text("SELECT pg_sleep(:seconds)"), values)


def _generate(said: dict[str, Any], seconds: float, step: Step) -> None:
    if said.get("fails"):
        raise NonRetriable("no data")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        step.check()
        time.sleep(0.01)
