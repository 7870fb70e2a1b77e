"""What Redis says of a running system: settings, stream, consumer group, what waits. It writes one key, which goes."""

import time
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from andon.adapters.checks import Check, judge, ok, problem, warning
from andon.adapters.redis.away import answer, why_away
from andon.adapters.redis.bus import GROUP, STREAM, group_of
from andon.adapters.redis.flags import EPOCH
from andon.adapters.redis.stream.reading import place_of
from andon.adapters.redis.stream.unread import unread

OLD_PENDING_SECONDS = 15
DISPATCHER = "Start `andon dispatcher`: it makes what is missing anew from Postgres, and reads what waits."
PROBE = "andon:probe"
KEPT_SECONDS = 5


def check_writing(redis: Redis) -> None:
    """Write one small key, always the same, which goes by itself; raises what Redis answers if it refuses: one that is
    full, or read-only, still answers a ping.
    """
    redis.set(PROBE, 1, ex=KEPT_SECONDS)


def clock_offset(redis: Redis) -> float:
    """Seconds that Redis' clock is ahead of this machine's."""
    before = time.time()
    answer: Any = redis.time()
    after = time.time()
    return float(answer[0] + answer[1] / 1e6 - (before + after) / 2)


def check_settings(redis: Redis) -> list[Check]:
    """Whether this Redis keeps what it is given."""
    info: Any = redis.info()
    policy = info.get("maxmemory_policy", "unknown")
    kept = judge(
        "redis memory",
        f"maxmemory-policy {policy}",
        bad=policy not in {"noeviction", "unknown"},
        remedy="Redis may drop the bus to make room: set maxmemory-policy to noeviction.",
        fatal=True,
    )
    durable = judge(
        "redis persistence",
        f"appendonly {'yes' if info.get('aof_enabled') else 'no'}",
        bad=not info.get("aof_enabled"),
        remedy="Entries of producers that write to the stream themselves are lost with Redis: set appendonly yes.",
    )
    return [kept, durable, _writing(redis)]


def _writing(redis: Redis) -> Check:
    try:
        check_writing(redis)
    except (RedisError, OSError) as error:
        remedy = (
            "Events wait in the outbox and are published when Redis takes them: give it memory or disk, or point "
            "ANDON_REDIS_URL to the server that may be written to."
        )
        return problem("redis writes", f"refused: {why_away(error) or answer(error)}", remedy)
    return ok("redis writes", "taken")


def check_bus(redis: Redis) -> list[Check]:
    """The stream, its consumer group, and how far that has read; whether the cancel flags are complete."""
    return [*_check_stream(redis), _epoch(redis)]


def _check_stream(redis: Redis) -> list[Check]:
    kind: Any = redis.type(STREAM)
    if kind not in (b"stream", b"none"):
        found = f"{STREAM} is a {kind.decode()}"
        return [problem("stream", found, f"Something else uses that key: `redis-cli RENAME {STREAM} aside`.")]
    group = group_of(redis) if kind == b"stream" else None
    if group is None:
        missing = "no stream" if kind == b"none" else f"no consumer group {GROUP}"
        return [problem("consumer group", f"{missing} in this Redis", DISPATCHER)]
    length: Any = redis.xlen(STREAM)
    return [ok("stream", f"{length} entries are kept"), *_reading(redis, group)]


def _reading(redis: Redis, group: dict[str, Any]) -> list[Check]:
    """What was read and not acknowledged, and what was not read, by position: `lag` is wrong after trimming."""
    now, _ = redis.time()
    summary: Any = redis.xpending(STREAM, GROUP)
    oldest = summary["min"] and summary["min"].decode()
    _, first = unread(redis, STREAM, group["last-delivered-id"].decode(), most=1)
    return [
        _waiting("pending entries", f"{group['pending']} read and not acknowledged", oldest, now),
        _waiting("unread entries", "some are unread" if first else "none", first, now),
    ]


def _waiting(name: str, found: str, oldest: str | None, now: float) -> Check:
    age = now - place_of(oldest)[0] / 1000 if oldest else 0.0
    told = f"{found}, the oldest {age:.0f} s old" if oldest else found
    return judge(name, told, bad=age > OLD_PENDING_SECONDS, remedy=DISPATCHER)


def _epoch(redis: Redis) -> Check:
    if redis.exists(EPOCH):
        return ok("cancel flags", "complete")
    return warning("cancel flags", "this Redis was emptied, and nobody has made it anew", DISPATCHER)
