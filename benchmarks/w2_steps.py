"""W2: jobs of five empty steps with durable results: how many a second, of few and of many tenants, and how long one
takes on an idle system.
"""

from __future__ import annotations

import json
import random
import signal
import statistics
import time
from collections.abc import Sequence
from typing import Any

from redis import Redis

from benchmarks.spread import Spread
from benchmarks.stage import Stage

STEPS = 5
TENANTS = 50


def throughput(stage: Stage, count: int) -> dict[str, Any]:
    """All jobs are queued before one worker starts; from the first step's begin to the last job's return."""
    stage.stop_workers(signal.SIGTERM)
    jobs = stage.jobs(count, steps=STEPS, seconds=0)
    ids = stage.driver.ask("submit", "steps", jobs)["answer"]
    while stage.contender.queued and len(stage.shown("queued", ids)) < count:
        time.sleep(0.05)
    rate = completed(stage, jobs)
    return {"jobs/s": round(rate, 1), "steps/s": round(rate * STEPS, 1), "jobs": count}


def completed(stage: Stage, jobs: Sequence[dict[str, Any]]) -> float:
    """Start a worker for these jobs, which are queued; how many a second it completes."""
    stage.start_worker()
    if not stage.wait(jobs, lambda mark: mark.done, 180):
        raise RuntimeError(f"{stage.contender.name} did not complete {len(jobs)} jobs in 180 s")
    marks = [stage.marks[job["slot"]] for job in jobs]
    return len(jobs) / (max(mark.done for mark in marks) - min(mark.began for mark in marks))


def crowd(stage: Stage, count: int) -> dict[str, Any]:
    """Andon alone: jobs of 50 tenants with five functions each, beside as many of one tenant and function, in turns.

    A lane serves one tenant and function, so that a crowd's jobs seldom find one that was used before.
    """
    rates: dict[str, list[float]] = {"one": [], "crowd": []}
    for _ in range(3):
        for kind, found in rates.items():
            found.append(_rate(stage, count, tenants=TENANTS if kind == "crowd" else 1))
    one, many = (statistics.median(found) for found in rates.values())
    return {"steps/s of one": round(one, 1), "steps/s of a crowd": round(many, 1), "ratio": round(many / one, 3)}


def _rate(stage: Stage, count: int, *, tenants: int) -> float:
    stage.stop_workers(signal.SIGTERM)
    before = _queued(stage)
    jobs = stage.jobs(count, steps=STEPS, seconds=0)
    pipe = Redis.from_url(stage.redis_url).pipeline(transaction=False)
    for number, job in enumerate(jobs):
        name = f"bench/crowd-{number % 5 if tenants > 1 else 0}"
        tenant = f"tenant-{number // 5 % tenants}"
        pipe.xadd("andon:events", {"name": name, "data": json.dumps(job), "tenant": tenant})
    pipe.execute()
    while _queued(stage) - before < count:
        time.sleep(0.05)
    return completed(stage, jobs) * STEPS


def _queued(stage: Stage) -> int:
    row = stage.connection.execute("SELECT count(*) FROM andon.runs WHERE function_id LIKE 'bench-crowd-%'").fetchone()
    assert row is not None
    return int(row[0])


def idle(stage: Stage, count: int) -> dict[str, Any]:
    """One job at a time on an idle system, from the call that submits it to `completed`."""
    took = []
    for _ in range(count):
        time.sleep(random.uniform(0.1, 0.3))
        jobs = stage.jobs(1, steps=STEPS, seconds=0)
        answer = stage.driver.ask("submit", "steps", jobs)
        while not stage.shown("completed", answer["answer"]):
            time.sleep(0.0005)
        took.append(time.monotonic() - answer["asked"])
    return Spread.of(took).milliseconds()
