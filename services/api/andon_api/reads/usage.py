"""What a tenant uses, now and in the last day."""

from __future__ import annotations

from redis import Redis
from redis.exceptions import RedisError

from andon.adapters.postgres import usage
from andon.adapters.redis.refusals import refusals
from andon_api.database import Row, connection


def of(tenant: str, redis: Redis) -> Row:
    """Runs, waiting, thread time, storage and refusals; those are None while Redis is away."""
    found = usage.usage(connection(), tenant)
    now = found[0] if found else usage.Usage(tenant)
    runs, seconds = usage.last_day(connection(), tenant)
    try:
        refused = refusals(redis, tenant)
    except (RedisError, OSError):
        refused = None
    return {
        "open_runs": now.open_runs,
        "queue_age_seconds": now.queue_age,
        "stored": {"files": now.files, "bytes": now.bytes},
        "last_day": {"runs": runs, "thread_seconds": seconds, "refused": refused},
    }
