"""W5, Andon alone: what stays the same as runs are kept, and as more of them execute."""

from __future__ import annotations

import time
from typing import Any

import psutil

from benchmarks import w1_cancel, w2_steps, w6_doors
from benchmarks.stage import Stage

_FILL = """
WITH event AS (
    INSERT INTO andon.events (tenant, id, name, data, ts)
    SELECT 'default', 'kept-' || n, 'bench/steps', jsonb_build_object('slot', -n), clock_timestamp()
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) n RETURNING seq
), run AS (
    INSERT INTO andon.runs (id, tenant, function_id, event_seq, queue, status, started_at, ended_at, progress)
    SELECT andon.uuid7(), 'default', 'bench-steps', seq, 'default', 'completed', clock_timestamp(),
        clock_timestamp(), 1 FROM event RETURNING id
)
INSERT INTO andon.steps (run_id, id, position, status, attempt, fence, started_at, ended_at, output)
SELECT run.id, 'step-' || p, p, 'completed', 1, 1, clock_timestamp(), clock_timestamp(), '1'
FROM run, generate_series(0, 1) p
"""
CHUNK = 50_000


def kept(stage: Stage, runs: int, *, cancels: int, jobs: int) -> dict[str, Any]:
    """With `runs` ended runs in the database, of two steps each."""
    _fill(stage, runs)
    size = stage.connection.execute("SELECT pg_database_size(current_database())").fetchone()
    cancel = w1_cancel.measure(stage, "loop", cancels)["cancelled"]
    steps = w2_steps.throughput(stage, jobs)["steps/s"]
    dispatched = w6_doors.dispatcher(stage, 5000)
    return {
        "cancel p50 ms": cancel["p50"],
        "cancel p99 ms": cancel["p99"],
        "steps/s": steps,
        "entries/s": dispatched["entries/s in batches"],
        "memory MiB": {name: _memory(pid) for name, pid in _processes(stage)},
        "database MiB": round(size[0] / 2**20) if size else None,
    }


def executing(stage: Stage, runs: int, *, cancels: int) -> dict[str, Any]:
    """Cancel latency while `runs` others execute, each in its worker thread."""
    busy = stage.jobs(runs, steps=10_000, seconds=0.5)
    ids = stage.driver.ask("submit", "steps", busy)["answer"]
    if not stage.wait(busy, lambda mark: mark.began, 120):
        raise RuntimeError(f"{runs} runs don't execute at once")
    time.sleep(2)
    cancel = w1_cancel.measure(stage, "loop", cancels)["cancelled"]
    memory = {name: _memory(pid) for name, pid in _processes(stage)}
    stage.driver.ask("know", ids)
    for id in ids:
        stage.driver.ask("cancel", id)
    return {"cancel p50 ms": cancel["p50"], "cancel p99 ms": cancel["p99"], "memory MiB": memory}


def _fill(stage: Stage, runs: int) -> None:
    row = stage.connection.execute("SELECT count(*) FROM andon.runs").fetchone()
    have = int(row[0]) if row else 0
    for first in range(have + 1, runs + 1, CHUNK):
        stage.connection.execute(_FILL, {"first": first, "last": min(first + CHUNK - 1, runs)})
    stage.connection.execute("ANALYZE")


def _processes(stage: Stage) -> list[tuple[str, int]]:
    return [("api", stage.others[0].pid), ("dispatcher", stage.others[1].pid), ("worker", stage.workers[0].pid)]


def _memory(pid: int) -> int:
    """Resident memory of the process and its children, in MiB."""
    process = psutil.Process(pid)
    return round(sum(each.memory_info().rss for each in [process, *process.children(recursive=True)]) / 2**20)
