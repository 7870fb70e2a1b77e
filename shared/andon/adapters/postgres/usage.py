"""What tenants use: runs by status, how long their oldest waits, how long their code ran, what they have stored."""

from dataclasses import dataclass, field

from andon.adapters.postgres.connect import Connection, one
from andon.adapters.postgres.statuses import HELD

# An arm per partial index, as the system's own gauges: the cost follows the open runs, not all that ever were.
_OPEN = f"""
SELECT tenant, status, count(*),
    coalesce(extract(epoch FROM clock_timestamp() - min(queued_at) FILTER (WHERE started_at IS NULL)), 0)::float8
FROM (
    SELECT tenant, status, queued_at, started_at FROM andon.runs WHERE status = 'queued' AND door IS NULL
    UNION ALL SELECT tenant, status, queued_at, queued_at FROM andon.runs WHERE status = 'queued' AND door IS NOT NULL
    UNION ALL SELECT tenant, status, queued_at, started_at FROM andon.runs WHERE status = 'waiting'
    UNION ALL SELECT tenant, status, queued_at, started_at FROM andon.runs WHERE status IN {HELD}
) open WHERE %(tenant)s::text IS NULL OR tenant = %(tenant)s GROUP BY tenant, status
"""
_STORED = """
SELECT tenant, files, bytes FROM andon.storage_usage WHERE %(tenant)s::text IS NULL OR tenant = %(tenant)s
"""
# Runs of the last day, found by their ids, which sort by time; a sleep takes no thread.
_DAY = """
WITH day AS (
    SELECT id, status FROM andon.runs
    WHERE tenant = %(tenant)s AND id > (lpad(to_hex((extract(epoch FROM clock_timestamp() - interval '1 day') * 1000)
        ::bigint), 12, '0') || repeat('0', 20))::uuid)
SELECT (SELECT jsonb_object_agg(status, n) FROM (SELECT status, count(*) AS n FROM day GROUP BY status) s),
    (SELECT coalesce(sum(extract(epoch FROM s.ended_at - s.started_at)), 0)::float8 FROM day d
        JOIN andon.steps s ON s.run_id = d.id WHERE s.ended_at IS NOT NULL AND s.status <> 'sleeping')
"""

_WAIT = """
SELECT (SELECT count(*) FROM
        (SELECT FROM andon.runs WHERE tenant = %(tenant)s AND status = 'queued' LIMIT %(most)s) q)
    + (SELECT count(*) FROM (SELECT event_seq FROM andon.outbox ORDER BY event_seq DESC LIMIT %(most)s) o
        JOIN andon.events e ON e.seq = o.event_seq WHERE e.tenant = %(tenant)s AND e.name NOT LIKE 'andon/%%')
"""


@dataclass
class Usage:
    """One tenant's. `open_runs` is by status; a queue's age is in seconds, 0 where nothing waits to be started."""

    tenant: str
    open_runs: dict[str, int] = field(default_factory=dict)
    queue_age: float = 0.0
    files: int = 0
    bytes: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """How tenants are ranked: by open runs, then by what is stored."""
        return sum(self.open_runs.values()), self.bytes


def usage(connection: Connection, tenant: str | None = None) -> list[Usage]:
    """What each tenant (or this one) uses now, the largest first; those that use nothing are left out."""
    found: dict[str, Usage] = {}
    for name, status, count, age in connection.execute(_OPEN, {"tenant": tenant}).fetchall():
        each = found.setdefault(name, Usage(name))
        each.open_runs[status] = count
        each.queue_age = max(each.queue_age, age if status == "queued" else 0.0)
    for name, files, bytes in connection.execute(_STORED, {"tenant": tenant}).fetchall():
        each = found.setdefault(name, Usage(name))
        each.files, each.bytes = files, bytes
    return sorted(found.values(), key=lambda each: each.size, reverse=True)


def last_day(connection: Connection, tenant: str) -> tuple[dict[str, int], float]:
    """Runs that were queued in the last day, by status, and the seconds that their finished steps took a thread."""
    runs, seconds = one(connection, _DAY, {"tenant": tenant})
    return dict(runs or {}), float(seconds)


def waits(connection: Connection, tenant: str, most: int) -> int:
    """How many runs of a tenant are queued, and events accepted that may start some: about `most` of each are read."""
    row = connection.execute(_WAIT, {"tenant": tenant, "most": most}).fetchone()
    return int(row[0]) if row else 0
