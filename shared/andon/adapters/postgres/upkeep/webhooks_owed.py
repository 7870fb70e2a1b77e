"""What webhooks are owed and since when: a receiver that is away, or dispatchers that reach none of them."""

import uuid
from typing import NamedTuple

from andon.adapters.postgres.connect import Connection, one

COUNTED = 10_000

_OWED = """
SELECT (SELECT count(*) FROM (
        SELECT FROM andon.webhook_deliveries d JOIN andon.webhooks w ON w.id = d.webhook_id
        WHERE d.next_at IS NOT NULL LIMIT %(counted)s) owed),
    extract(epoch FROM clock_timestamp() - first.created_at)::float8, first.tenant, first.webhook_id, first.attempts,
    first.answer
FROM (VALUES (1)) one LEFT JOIN LATERAL (
    SELECT d.created_at, w.tenant, d.webhook_id, d.attempts, d.answer
    FROM andon.webhook_deliveries d JOIN andon.webhooks w ON w.id = d.webhook_id
    WHERE d.next_at IS NOT NULL ORDER BY d.created_at LIMIT 1) first ON true
"""


class Owed(NamedTuple):
    """How many ends are owed, counted up to `COUNTED`; and of the first for how long (seconds), to whom, how often it
    was tried and what came of that.
    """

    number: int = 0
    seconds: float | None = None
    tenant: str | None = None
    webhook: uuid.UUID | None = None
    attempts: int | None = None
    answer: str | None = None


def owed(connection: Connection) -> Owed:
    """What is owed now."""
    return Owed(*one(connection, _OWED, {"counted": COUNTED}))
