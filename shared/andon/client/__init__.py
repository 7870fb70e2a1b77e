"""A typed client of the REST API. Needs `httpx`, and nothing else of Andon's parts.

    with Andon("http://127.0.0.1:8000", key) as andon:
        report = andon.reports.create("Sales", dataset_id=andon.datasets.upload("sales.csv").id)
        andon.reports.generate(report.id)
        andon.reports.wait(report.id, timeout=1800)

The calls are grouped as attributes of `Andon`.
"""

from __future__ import annotations

from andon.client.api import Andon
from andon.client.errors import (
    AndonApiError,
    Conflict,
    InvalidRequest,
    NotAllowed,
    NotFound,
    RateLimited,
    Unavailable,
    Unreachable,
    WaitTimeout,
)
from andon.client.models import (
    Artifact,
    Asked,
    Attempt,
    AuditEntry,
    Cancel,
    Cancellation,
    Column,
    Dataset,
    DeadEvent,
    Delivered,
    Effects,
    Event,
    EventRef,
    Function,
    LogLine,
    Pause,
    QueuedFor,
    Report,
    Run,
    Schedule,
    Skip,
    Step,
    Subject,
    SubjectAsked,
    Token,
)
from andon.client.transport import Retries
from andon.client.webhooks import verify_webhook

__all__ = [
    "Andon",
    "AndonApiError",
    "Artifact",
    "Asked",
    "Attempt",
    "AuditEntry",
    "Cancel",
    "Cancellation",
    "Column",
    "Conflict",
    "Dataset",
    "DeadEvent",
    "Delivered",
    "Effects",
    "Event",
    "EventRef",
    "Function",
    "InvalidRequest",
    "LogLine",
    "NotAllowed",
    "NotFound",
    "Pause",
    "QueuedFor",
    "RateLimited",
    "Report",
    "Retries",
    "Run",
    "Schedule",
    "Skip",
    "Step",
    "Subject",
    "SubjectAsked",
    "Token",
    "Unavailable",
    "Unreachable",
    "WaitTimeout",
    "verify_webhook",
]
