"""Generates the reports of the table `public.reports`, whose `status` Andon writes and nobody else."""

import time
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from andon import CancelOn, Event, NonRetriable, Row, Step, Subject, function

REPORT = Subject(
    "report",
    id="data.reportId",
    row=Row(
        "public.reports",
        key="id",
        status="status",
        active="generating",
        completed="generated",
        failed="failed",
        cancelled="cancelled",
        error="error",
        at={"completed": "completed_at", "failed": "failed_at", "cancelled": "cancelled_at"},
    ),
)


@function(
    id="generate-report",
    trigger="report/generation.requested",
    cancel_on=[CancelOn("report/generation.cancelled", match="data.reportId")],
    subject=REPORT,
)
def generate_report(event: Event, step: Step) -> dict[str, int]:
    """Generate one report; `data.rows` says how large it gets."""
    report = step.transaction("fetch-report", fetch_report, event.data["reportId"])
    numbers = step.run("generate-data", generate_data, event.data.get("rows", 100), step)
    step.transaction("save-results", save_results, report["id"], numbers)
    return {"rows": len(numbers)}


def fetch_report(session: Session, report_id: str) -> dict[str, Any]:
    """What is to be generated."""
    row = (
        session.execute(text("SELECT id, data FROM public.reports WHERE id = :id"), {"id": report_id})
        .mappings()
        .first()
    )
    if row is None:
        raise NonRetriable(f"there is no report {report_id!r} any more")
    return dict(row)


def generate_data(rows: int, step: Step) -> list[int]:
    """Take a while, as work does."""
    if rows < 0:
        raise NonRetriable(f"a report has no {rows} rows")
    numbers = []
    for number in range(rows):
        time.sleep(0.02)
        numbers.append(number * number)
        step.progress((number + 1) / rows, f"row {number + 1:,}")
    return numbers


def save_results(session: Session, report_id: str, numbers: list[int]) -> None:
    """Keep the numbers beside the report, in the transaction that keeps the step. The status is not this code's."""
    values = {"id": report_id, "data": f'{{"numbers": {numbers}}}'}
    session.execute(text("UPDATE public.reports SET data = CAST(:data AS jsonb) WHERE id = :id"), values)
