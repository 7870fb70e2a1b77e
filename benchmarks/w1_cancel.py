"""W1: from the call that asks for a job's end to the last thing its code did, and to `cancelled` in the database."""

from __future__ import annotations

import random
import time
from typing import Any

from benchmarks.spread import Spread
from benchmarks.stage import Stage

AT_ONCE = 5
PATIENCE = 25.0
WINDOW = 1.0


def measure(stage: Stage, kind: str, count: int) -> dict[str, Any]:
    """Cancel `count` jobs of this kind, five running at a time, each at a random moment."""
    to_stop: list[float] = []
    to_cancelled: list[float] = []
    wrote_after = never = 0
    while len(to_cancelled) + never < count:
        jobs = stage.jobs(AT_ONCE, steps=60, seconds=0.05)
        ids = stage.driver.ask("submit", kind, jobs)["answer"]
        if not stage.wait(jobs, lambda mark: mark.began, PATIENCE):
            raise RuntimeError(f"{stage.contender.name}: {kind} jobs don't start")
        if stage.contender.name == "andon":
            stage.driver.ask("know", ids)
        asked, seen = _cancel_each(stage, ids)
        time.sleep(0.2)
        for id, job in zip(ids, jobs, strict=True):
            mark = stage.marks[job["slot"]]
            if id not in seen:
                never += 1
                continue
            to_cancelled.append(seen[id] - asked[id])
            if not mark.done or mark.done > asked[id]:
                to_stop.append(max(mark.last - asked[id], 0.0))
                wrote_after += mark.last > seen[id]
    return {
        "stopped": Spread.of(to_stop).milliseconds(),
        "cancelled": Spread.of(to_cancelled).milliseconds(),
        "worked on after it": wrote_after,
        "not cancelled": never,
    }


def _cancel_each(stage: Stage, ids: list[str]) -> tuple[dict[str, float], dict[str, float]]:
    """When each was asked, and when it was first seen as cancelled."""
    now = time.monotonic()
    plan = sorted((now + random.uniform(0.05, WINDOW), id) for id in ids)
    asked: dict[str, float] = {}
    seen: dict[str, float] = {}
    for due, id in plan:
        waiting = [other for other in asked if other not in seen]
        while (left := due - time.monotonic()) > 0:
            if waiting:
                _look(stage, waiting, seen)
                waiting = [other for other in asked if other not in seen]
            time.sleep(min(0.001, left))
        stage.driver.send("cancel", id)
        asked[id] = 0.0
        deadline = time.monotonic() + 0.1
        while time.monotonic() < deadline and id not in seen:  # while the call is under way, too
            _look(stage, [id], seen)
            time.sleep(0.0005)
        asked[id] = stage.driver.receive()["asked"]
    deadline = time.monotonic() + PATIENCE
    while (waiting := [id for id in ids if id not in seen]) and time.monotonic() < deadline:
        _look(stage, waiting, seen)
        time.sleep(0.001)
    return asked, seen


def _look(stage: Stage, ids: list[str], seen: dict[str, float]) -> None:
    found = stage.shown("cancelled", ids)
    now = time.monotonic()
    seen.update({id: now for id in found if id not in seen})
