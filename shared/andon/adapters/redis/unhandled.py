"""For how long entries of the bus lie there, and up to where they were read."""

from collections.abc import Sequence
from typing import Any

from redis import Redis

from andon.adapters.redis.bus import GROUP, STREAM, group_of
from andon.adapters.redis.stream.reading import place_of

FOR_EVER = 1e9


def newest_read(redis: Redis) -> str:
    """The id of the newest entry that was read: what nobody has read is newer."""
    group = group_of(redis)
    return "0-0" if group is None else str(group["last-delivered-id"].decode())


def oldest_unacknowledged(redis: Redis) -> str | None:
    """The id of the oldest entry that was read and that nobody has acknowledged, if there is one."""
    pending: Any = redis.xpending(STREAM, GROUP) if group_of(redis) else {"min": None}
    return None if pending["min"] is None else str(pending["min"].decode())


def ages(redis: Redis, ids: Sequence[str]) -> list[float]:
    """How many seconds ago these entries came, by Redis' clock. Of one whose id is of a time to come, which a producer
    may choose and a clock that was set back makes, it isn't known: for ever.
    """
    seconds, microseconds = redis.time()
    found = [seconds + microseconds / 1e6 - place_of(id)[0] / 1e3 for id in ids]
    return [age if age >= 0 else FOR_EVER for age in found]
