"""What a tenant uses, now and in the last day."""

from redis import Redis
from redis.exceptions import RedisError

from andon.adapters.postgres import usage
from andon.adapters.redis.refusals import refusals
from andon_api.database import Row, connection
from andon_api.services import services


def of(tenant: str, redis: Redis) -> Row:
    """Runs, waiting, thread time, storage and refusals; those are None while Redis is away.

    It looks at all of a day's runs: one at a time of each tenant, as all that costs much more than to ask for it.
    """
    with services().costly.place(tenant):
        found = usage.usage(connection(), tenant)
        runs, seconds = usage.last_day(connection(), tenant)
    now = found[0] if found else usage.Usage(tenant)
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
