"""The events by which a report is requested and cancelled, and the subject that they are about."""

from __future__ import annotations

from andon.engine.declared.subjects import Row, Subject

REQUESTED = "report/generation.requested"
CANCELLED = "report/generation.cancelled"
KIND = "report"
REPORT = Subject(
    KIND,
    id="data.reportId",
    row=Row(
        "andon.reports",
        tenant="tenant",
        active="generating",
        completed="generated",
        failed="failed",
        cancelled="cancelled",
        error="error",
        at={
            "active": "requested_at",
            "completed": "completed_at",
            "failed": "failed_at",
            "cancelled": "cancelled_at",
        },
        version="version",
    ),
)
"""What a function generates that takes the place of the one that ships: `subject=REPORT`."""
