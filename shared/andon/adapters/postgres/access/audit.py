"""The audit: who has changed what, written in the transaction of the change. Events tell of requests and cancels."""

import uuid
from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from andon.adapters.postgres.connect import Connection

ACTIONS = (
    "workers.drained",
    "workers.resumed",
    "report.changed",
    "report.deleted",
    "dead-event.replayed",
    "cancellation.asked",
    "function.paused",
    "function.resumed",
    "queue.paused",
    "queue.resumed",
    "schedule.paused",
    "schedule.resumed",
    "key.created",
    "key.revoked",
    "keeping.set",
    "keeping.forgotten",
    "webhook.created",
    "webhook.rotated",
    "webhook.deleted",
)

_RECORD = """
INSERT INTO andon.audit (tenant, action, target, by, key_id, trace_id, details) VALUES (%s, %s, %s, %s, %s, %s, %s)
"""


def record(
    connection: Connection,
    action: str,
    target: object,
    *,
    tenant: str,
    by: Any,
    key_id: uuid.UUID | None = None,
    trace_id: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Note that `by` did `action` to `target`. Details are kept long: no secret, no whole document."""
    values = [tenant, action, str(target), Jsonb(by), key_id, trace_id, Jsonb(dict(details or {}))]
    connection.execute(_RECORD, values)
