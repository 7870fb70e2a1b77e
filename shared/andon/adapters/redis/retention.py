"""How much of the bus was handled and is old, and trimming it up to there."""

import datetime as dt
from typing import Any

from redis import Redis

from andon.adapters.redis.bus import GROUP, STREAM, group_of
from andon.adapters.redis.stream.reading import place_of
from andon.adapters.redis.stream.unread import unread


def handled_below(redis: Redis, keep: dt.timedelta) -> str | None:
    """A stream id: every entry below it is older than `keep` by Redis' clock, was read, and is acknowledged.

    None where there is no stream or no group, so that nothing is known to be handled.
    """
    group = group_of(redis)
    if group is None:
        return None
    read = group["last-delivered-id"].decode()
    seconds, _ = redis.time()
    candidates = [(max(int((seconds - keep.total_seconds()) * 1000), 0), 0)]
    if unread(redis, STREAM, read, most=1)[0]:
        time, number = place_of(read)
        candidates.append((time, number + 1))
    pending: Any = redis.xpending(STREAM, GROUP)  # after the group: what is read in between lies behind `read`
    if pending["min"]:
        candidates.append(place_of(pending["min"].decode()))
    lowest = min(candidates)
    return f"{lowest[0]}-{lowest[1]}"


def trim(redis: Redis, low_water: str) -> int:
    """Remove entries of the bus below `low_water`, whole nodes at a time; returns how many."""
    total = 0
    while True:
        removed = int(redis.xtrim(STREAM, minid=low_water, approximate=True))
        total += removed
        if not removed:
            return total
