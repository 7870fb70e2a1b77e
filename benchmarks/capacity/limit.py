"""Ask for runs at a rate that doubles until the system falls behind: what each part takes, and where they pile up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
from redis import Redis

from andon.adapters.redis.bus import STREAM
from benchmarks import machine
from benchmarks.capacity.usage import Usage

WINDOW_SECONDS = 15.0
BEAT_SECONDS = 0.1
FIRST_RATE, LAST_RATE = 20, 1280
STEPS = 3
# As `andon_queue_age_seconds`: of those that have not started.
_STANDING = """
SELECT (SELECT count(*) FROM andon.runs WHERE ended_at IS NOT NULL)::int,
    (SELECT count(*) FROM andon.runs WHERE status = 'queued')::int,
    (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(queued_at)), 0)::float8
        FROM andon.runs WHERE status = 'queued' AND started_at IS NULL)
"""


def climb(
    execute: Callable[[str], Any],
    redis: Redis,
    used: Callable[[], Usage],
    supervisor: int,
    ask: Callable[[int], None],
    settled: Callable[[], bool],
) -> Iterator[dict[str, Any]]:
    """A row for each rate. Ends with the first of which a tenth has not ended with the window."""
    rate = FIRST_RATE
    while rate <= LAST_RATE:
        row = _window(execute, redis, used, supervisor, ask, rate)
        yield row
        if row["ended a second"] < 0.9 * row["asked a second"]:
            return
        while not settled():
            time.sleep(0.2)
        rate *= 2


def _window(
    execute: Callable[[str], Any],
    redis: Redis,
    used: Callable[[], Usage],
    supervisor: int,
    ask: Callable[[int], None],
    rate: int,
) -> dict[str, Any]:
    process = psutil.Process(supervisor)
    before, alone, ended = used(), process.cpu_times(), execute(_STANDING).fetchone()[0]
    began, asked = time.monotonic(), 0
    while (gone := time.monotonic() - began) < WINDOW_SECONDS:
        due = int(rate * gone) - asked
        if due > 0:
            ask(due)
            asked += due
        time.sleep(BEAT_SECONDS)
    gone = time.monotonic() - began
    done, queued, oldest = execute(_STANDING).fetchone()
    after, own = used(), process.cpu_times()
    group: Any = redis.xinfo_groups(STREAM)[0]
    unread: Any = redis.xrange(STREAM, min=f"({group['last-delivered-id'].decode()}", count=10_000)
    cores = {name: round((after.seconds[name] - before.seconds[name]) / gone, 2) for name in after.seconds}
    cores["of it the worker's supervisor"] = round((own.user + own.system - alone.user - alone.system) / gone, 2)
    count = max(done - ended, 1)
    return {
        "asked a second": round(asked / gone, 1),
        "ended a second": round((done - ended) / gone, 1),
        "microseconds a run": round(sum(after.since(before, count)["us"].values())),
        "cores": cores,
        "on the bus, unread": len(unread),
        "queued": queued,
        "oldest queued, s": round(oldest, 1),
        "load": machine.load(),
    }
