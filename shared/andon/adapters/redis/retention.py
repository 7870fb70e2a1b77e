"""How much of the bus was handled and is old, and trimming it up to there."""

import datetime as dt
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from andon.adapters.redis.bus import GROUP


def handled_below(redis: Redis, stream: str, keep: dt.timedelta) -> str | None:
    """A stream id: every entry below it is older than `keep` by Redis' clock, was read, and is acknowledged.

    None where there is no stream or no group, so that nothing is known to be handled.
    """
    pipe = redis.pipeline(transaction=True)  # one moment: an entry read between two looks would be missed
    pipe.time()
    pipe.xinfo_stream(stream)
    pipe.xinfo_groups(stream)
    pipe.xpending(stream, GROUP)
    try:
        (seconds, _), state, groups, pending = pipe.execute()
    except ResponseError as error:
        if "no such key" in str(error) or "NOGROUP" in str(error):
            return None
        raise
    group = next(each for each in groups if each["name"] == GROUP.encode())
    candidates = [_before(seconds, keep)]
    if group["last-delivered-id"] != state["last-generated-id"]:
        time, number = _position(group["last-delivered-id"])
        candidates.append((time, number + 1))
    if pending["min"]:
        candidates.append(_position(pending["min"]))
    lowest = min(candidates)
    return f"{lowest[0]}-{lowest[1]}"


def older_than(redis: Redis, keep: dt.timedelta) -> str:
    """A stream id: every entry below it is older than `keep` by Redis' clock."""
    seconds, _ = redis.time()
    return f"{_before(seconds, keep)[0]}-0"


def trim(redis: Redis, stream: str, low_water: str) -> int:
    """Remove entries of `stream` below `low_water`, whole nodes at a time; returns how many."""
    total = 0
    while True:
        removed = int(redis.xtrim(stream, minid=low_water, approximate=True))
        total += removed
        if not removed:
            return total


def _before(seconds: int, keep: dt.timedelta) -> tuple[int, int]:
    return max(int((seconds - keep.total_seconds()) * 1000), 0), 0


def _position(id: Any) -> tuple[int, int]:
    time, _, number = id.decode().partition("-")
    return int(time), int(number)
