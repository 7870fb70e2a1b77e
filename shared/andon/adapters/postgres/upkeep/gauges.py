"""What is open and what waits, as gauges show it: looks whose cost follows the open runs, not all that ever were."""

from typing import Any, NamedTuple

from andon.adapters.postgres.connect import Connection, one
from andon.adapters.postgres.statuses import HELD

# An arm per partial index. One at a door counts as queued, and
# not for the age of the queue: workers aren't what it waits for.
_RUNS = f"""
SELECT status, queue, count(*),
    extract(epoch FROM clock_timestamp() - min(queued_at) FILTER (WHERE status = 'queued' AND started_at IS NULL)),
    extract(epoch FROM clock_timestamp() - min(cancel_requested_at) FILTER (WHERE status = 'cancelling')),
    count(*) FILTER (WHERE lease_until < clock_timestamp())
FROM (
    SELECT status, queue, queued_at, started_at, cancel_requested_at, lease_until
    FROM andon.runs WHERE status = 'queued' AND door IS NULL
    UNION ALL
    SELECT status, queue, queued_at, queued_at, cancel_requested_at, lease_until
    FROM andon.runs WHERE status = 'queued' AND door IS NOT NULL
    UNION ALL
    SELECT status, queue, queued_at, started_at, cancel_requested_at, lease_until
    FROM andon.runs WHERE status = 'waiting'
    UNION ALL
    SELECT status, queue, queued_at, started_at, cancel_requested_at, lease_until
    FROM andon.runs WHERE status IN {HELD}
) open GROUP BY status, queue
"""
_BACKLOGS = """
SELECT (SELECT count(*) FROM andon.outbox),
    (SELECT extract(epoch FROM clock_timestamp() - min(created_at)) FROM andon.outbox),
    (SELECT count(*) FROM andon.dead_events WHERE replayed_at IS NULL)
"""
# Of the transaction: behind a pooler the session is another client's afterwards.
_BOUND = "SET LOCAL statement_timeout TO '3s'"
_LEASE = "SELECT fence, lease_until > clock_timestamp() FROM andon.dispatcher_leases"
_USAGE = "SELECT coalesce(sum(bytes), 0), coalesce(sum(files), 0) FROM andon.storage_usage"
_MAINTENANCE = """
SELECT name, extract(epoch FROM clock_timestamp() - finished_at), facts->'room'
FROM andon.maintenance WHERE name IN ('prune', 'backup')
"""


class OpenRuns(NamedTuple):
    """Those of a queue and a status: the ages, in seconds, of the oldest that hasn't started and of the oldest cancel,
    and how many are held whose lease has run out.
    """

    status: str
    queue: str
    number: int
    queue_age: float | None
    cancel_age: float | None
    without_lease: int


class Backlogs(NamedTuple):
    """What waits in tables."""

    outbox: int = 0
    outbox_age: float | None = None
    dead: int = 0


class Lease(NamedTuple):
    """Its number, and whether a dispatcher leads."""

    fence: int = 0
    held: bool = False


def bound(connection: Connection) -> None:
    """Let no statement of this transaction take long: Prometheus doesn't wait for it."""
    connection.execute(_BOUND)


def open_runs(connection: Connection) -> list[OpenRuns]:
    """How many there are of each queue and status."""
    return [OpenRuns(*row) for row in connection.execute(_RUNS).fetchall()]


def backlogs(connection: Connection) -> Backlogs:
    """The outbox, and the dead events that nobody has replayed."""
    return Backlogs(*one(connection, _BACKLOGS))


def lease(connection: Connection) -> Lease:
    """The dispatcher's lease."""
    return Lease(*connection.execute(_LEASE).fetchone() or ())


def maintenance(connection: Connection) -> list[tuple[str, float, dict[str, Any] | None]]:
    """When each last ended well, in seconds before now, and the room that it saw on the storage's volume."""
    return [(name, float(age), room) for name, age, room in connection.execute(_MAINTENANCE).fetchall()]


def stored(connection: Connection) -> tuple[float, float]:
    """Bytes and files, as the last prune measured."""
    size, number = one(connection, _USAGE)
    return float(size), float(number)
