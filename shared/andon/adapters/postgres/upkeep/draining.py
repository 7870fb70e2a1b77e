"""Draining: while it is asked for, no worker is told of a run, so that none starts and those that are held end."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from andon.adapters.postgres.connect import Connection, now
from andon.adapters.postgres.upkeep.files import record_maintenance

DRAIN = "drain"

_RESUME = "DELETE FROM andon.maintenance WHERE name = 'drain' RETURNING facts"
_DRAINED = "SELECT finished_at, facts FROM andon.maintenance WHERE name = 'drain'"
_HELD = """
SELECT worker_id, count(*), (array_agg(id ORDER BY step_started_at))[1],
    (array_agg(current_step ORDER BY step_started_at))[1],
    extract(epoch FROM clock_timestamp() - min(step_started_at))::float8
FROM andon.runs WHERE status IN ('running', 'cancelling') AND lease_until IS NOT NULL
GROUP BY worker_id ORDER BY worker_id
"""
_QUEUES = "SELECT DISTINCT coalesce(settings->>'queue', 'default') FROM andon.functions"
_OFFER = """
UPDATE andon.runs SET sent_at = NULL WHERE id IN (
    SELECT id FROM andon.runs WHERE status = 'queued' AND door IS NULL AND sent_at IS NOT NULL AND sent_at < %s
    ORDER BY sent_at LIMIT 1000 FOR UPDATE SKIP LOCKED)
"""


class Holding(NamedTuple):
    """A worker with runs, and the one of them that has been longest in a step (its id, step and seconds)."""

    worker: str
    runs: int
    run: uuid.UUID
    step: str | None
    seconds: float | None


def drain(connection: Connection, facts: Mapping[str, Any]) -> None:
    """From now on dispatchers tell no worker of a run, until `resume`."""
    record_maintenance(connection, DRAIN, facts)


def resume(connection: Connection) -> bool:
    """Let dispatchers tell of runs again, of those that have waited at once; False if nothing was drained."""
    if connection.execute(_RESUME).fetchone() is None:
        return False
    began = now(connection)
    while connection.execute(_OFFER, [began]).rowcount:
        pass
    return True


def drained(connection: Connection) -> tuple[dt.datetime, dict[str, Any]] | None:
    """Since when, and who asked and why; None while workers take runs."""
    row = connection.execute(_DRAINED).fetchone()
    return None if row is None else (row[0], dict(row[1]))


def holding(connection: Connection) -> list[Holding]:
    """The workers that hold runs."""
    return [Holding(*row) for row in connection.execute(_HELD).fetchall()]


def queues(connection: Connection) -> list[str]:
    """The queues of the registered functions."""
    return [name for (name,) in connection.execute(_QUEUES).fetchall()]
