"""Where the milliseconds of a cancel go, by the times that Andon keeps itself, and what they can't be less than."""

from __future__ import annotations

import random
import time
from typing import Any

from redis import Redis

from benchmarks.spread import Spread
from benchmarks.stage import Stage

_TIMES = """
SELECT extract(epoch FROM r.cancel_requested_at), extract(epoch FROM r.cancel_stopped_at),
    extract(epoch FROM r.ended_at)
FROM andon.events e JOIN andon.runs r ON r.event_seq = e.seq WHERE e.tenant = 'default' AND e.id = %s
"""


def measure(stage: Stage, count: int) -> dict[str, Any]:
    """One loop at a time, cancelled; each part in the order in which it happens."""
    parts: dict[str, list[float]] = {}
    for _ in range(count):
        [job] = jobs = stage.jobs(1, steps=1, seconds=0)
        [id] = stage.driver.ask("submit", "loop", jobs)["answer"]
        if not stage.wait(jobs, lambda mark: mark.began, 20):
            raise RuntimeError("the loop doesn't start")
        stage.driver.ask("know", [id])
        time.sleep(random.uniform(0.1, 0.3))
        wall = time.time() - time.monotonic()
        answer = stage.driver.ask("cancel", id)
        while not stage.shown("cancelled", [id]):
            time.sleep(0.0005)
        seen = time.monotonic()
        row = stage.connection.execute(_TIMES, [id]).fetchone()
        assert row is not None
        marked, stopped, ended = (float(value) - wall for value in row)
        asked, last = answer["asked"], stage.marks[job["slot"]].last
        for name, seconds in {
            "1 POST to the mark in the open transaction": marked - asked,
            "2 mark to the 202 (commit, flag raised, answer)": answer["answered"] - marked,
            "3 mark to the code's end (flag, push, interrupt, what is left of a 10 ms sleep)": stopped - marked,
            "4 code's end to the settling statement": ended - stopped,
            "5 settling statement to seen as cancelled (effects, commit, look)": seen - ended,
            "last thing that the code did, after the POST": max(last - asked, 0.0),
            "POST to cancelled": seen - asked,
        }.items():
            parts.setdefault(name, []).append(seconds)
    return {name: Spread.of(values).milliseconds() for name, values in parts.items()} | floors(stage)


def floors(stage: Stage) -> dict[str, Any]:
    """One durable commit, one Redis round trip, here and now."""
    stage.connection.execute("CREATE TABLE IF NOT EXISTS bench_floor (n int)")
    redis = Redis.from_url(stage.redis_url)
    commit = [_timed(lambda: stage.connection.execute("INSERT INTO bench_floor VALUES (1)")) for _ in range(200)]
    hop = [_timed(redis.ping) for _ in range(200)]
    return {
        "floor: one INSERT committed": Spread.of(commit).milliseconds(),
        "floor: one Redis round trip": Spread.of(hop).milliseconds(),
    }


def _timed(call: Any) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began
