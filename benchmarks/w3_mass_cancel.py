"""W3: cancel what is queued by the thousand while other jobs run; none of it may run."""

from __future__ import annotations

import time
from typing import Any

from redis import Redis

from benchmarks.stage import Stage

BUSY = 8
_QUEUED = "SELECT count(*) FROM andon.runs WHERE function_id = 'bench-many' AND status = 'queued'"
_STEPS = "SELECT count(*) FROM andon.steps"


def thousand(stage: Stage, count: int, *, many: bool) -> dict[str, Any]:
    """Cancel each by a call of its own, or all of them in the contender's bulk way; every worker thread is busy."""
    busy = stage.jobs(BUSY, steps=3000, seconds=0.05)
    running = stage.driver.ask("submit", "steps", busy)["answer"]
    if not stage.wait(busy, lambda mark: mark.began, 30):
        raise RuntimeError(f"{stage.contender.name}: the jobs that keep it busy don't start")
    jobs = stage.jobs(count, steps=1, seconds=0)
    ids = stage.driver.ask("submit", "many" if stage.contender.queued else "steps", jobs)["answer"]
    if stage.contender.queued:
        _until_queued(stage, count)
        stage.driver.ask("know", [*ids, *running])
    early = _ran(stage, jobs)
    began = time.monotonic()
    if many:
        stage.driver.ask("cancel_many", ids)
    else:
        for id in ids:
            stage.driver.ask("cancel", id)
    took = time.monotonic() - began
    for id in running:
        stage.driver.ask("cancel", id)
    later = stage.jobs(BUSY, steps=1, seconds=0)
    stage.driver.ask("submit", "steps", later)
    if not stage.wait(later, lambda mark: mark.done, 60):
        raise RuntimeError(f"{stage.contender.name}: the jobs behind the cancelled ones don't run")
    time.sleep(1)
    return {"cancels/s": round(count / took), "ran": _ran(stage, jobs) - early, "ran before they were cancelled": early}


def in_bulk(stage: Stage, count: int) -> dict[str, Any]:
    """Andon alone: one bulk request for `count` queued runs, and what it does to the runs that execute meanwhile."""
    busy = stage.jobs(BUSY, steps=100_000, seconds=0.005)
    stage.driver.ask("submit", "steps", busy)
    stage.wait(busy, lambda mark: mark.began, 20)
    jobs = stage.jobs(count, steps=1, seconds=0)
    redis = Redis.from_url(stage.redis_url)
    for start in range(0, count, 1000):
        pipe = redis.pipeline(transaction=False)
        for job in jobs[start : start + 1000]:
            pipe.xadd("andon:events", {"name": "bench/many", "data": f'{{"slot":{job["slot"]}}}'})
        pipe.execute()
    _until_queued(stage, count)
    time.sleep(3)
    before = _rate(stage, 5.0)
    steps, began = _count(stage, _STEPS), time.monotonic()
    stage.driver.ask("cancel_many", [])
    accepted = time.monotonic() - began
    while _count(stage, _QUEUED):
        time.sleep(0.02)
    took = time.monotonic() - began
    meanwhile = (_count(stage, _STEPS) - steps) / took
    time.sleep(2)
    return {
        "queued": count,
        "accepted s": round(accepted, 3),
        "all cancelled s": round(took, 2),
        "ran": _ran(stage, jobs),
        "steps/s before": round(before),
        "steps/s meanwhile": round(meanwhile),
    }


def _ran(stage: Stage, jobs: list[dict[str, Any]]) -> int:
    return sum(bool(stage.marks[job["slot"]].began) for job in jobs)


def _rate(stage: Stage, seconds: float) -> float:
    first, began = _count(stage, _STEPS), time.monotonic()
    time.sleep(seconds)
    return (_count(stage, _STEPS) - first) / (time.monotonic() - began)


def _count(stage: Stage, statement: str) -> int:
    row = stage.connection.execute(statement).fetchone()
    return int(row[0]) if row else 0


def _until_queued(stage: Stage, count: int) -> None:
    deadline = time.monotonic() + 180
    while _count(stage, _QUEUED) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{count} runs were not queued in 180 s")
        time.sleep(0.1)
