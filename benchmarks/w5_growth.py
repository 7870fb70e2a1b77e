"""W5, Andon alone: what stays the same as more runs are kept, are queued, and execute."""

from __future__ import annotations

import time
from typing import Any

import psutil

from benchmarks import w1_cancel, w2_steps, w6_doors
from benchmarks.stage import Stage

CHUNK = 50_000
WORKERS_OF = 50
"""Runs that one worker executes at most, so that 500 of them take ten workers."""

_EVENTS = """
INSERT INTO andon.events (tenant, id, name, data, ts)
SELECT 'default', 'grown-' || n, 'bench/grown', jsonb_build_object('slot', -n), clock_timestamp()
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n RETURNING seq
"""
_KEPT = f"""
WITH event AS ({_EVENTS}), run AS (
    INSERT INTO andon.runs (id, tenant, function_id, event_seq, status, fence, attempt, sent_at, started_at, ended_at)
    SELECT andon.uuid7(), 'default', 'bench-steps', seq, 'completed', 1, 1, clock_timestamp(), clock_timestamp(),
        clock_timestamp() FROM event RETURNING id, event_seq
), key AS (
    INSERT INTO andon.cancel_keys (run_id, key, event_seq) SELECT id, gen_random_uuid(), event_seq FROM run
)
INSERT INTO andon.steps (run_id, id, position, status, attempt, fence, started_at, ended_at, output)
SELECT run.id, 'step-' || p, p, 'completed', 1, 1, clock_timestamp(), clock_timestamp(), '1'
FROM run, generate_series(0, 1) p
"""
_QUEUED = f"""
WITH event AS ({_EVENTS}), run AS (
    INSERT INTO andon.runs (id, tenant, function_id, event_seq, queue, sent_at)
    SELECT andon.uuid7(), 'default', 'bench-parked', seq, 'parked', clock_timestamp() FROM event
    RETURNING id, event_seq
)
INSERT INTO andon.cancel_keys (run_id, key, event_seq) SELECT id, gen_random_uuid(), event_seq FROM run
"""
FILL = {"kept": _KEPT, "queued": _QUEUED}
"""Runs that have completed, of two steps each; runs of a queue that no worker serves."""


def grown(stage: Stage, state: str, runs: int, *, cancels: int, jobs: int) -> dict[str, Any]:
    """With `runs` of them in the database."""
    each = _fill(stage, FILL[state], runs)
    cancel = w1_cancel.measure(stage, "loop", cancels)["cancelled"]
    steps = w2_steps.throughput(stage, jobs)["steps/s"]
    return {
        "runs": runs,
        "cancel p50 ms": cancel["p50"],
        "cancel p99 ms": cancel["p99"],
        "cancels": cancel["n"],
        "steps/s": steps,
        "api p99 ms": w6_doors.steady(stage, rate=100, seconds=5)["p99"],
        "entries/s": w6_doors.added_at_once(stage, 5000),
        "memory MiB": memory(stage),
        "bytes per run": each,
    }


def threads(runs: int) -> int:
    """Threads that each worker needs to execute `runs`, and the cancelled ones beside them."""
    return min(runs, WORKERS_OF) + w1_cancel.AT_ONCE


def executing(stage: Stage, runs: int, *, cancels: int) -> dict[str, Any]:
    """Cancel latency while `runs` others execute, each asleep in its step, at most 50 in a worker."""
    while len(stage.workers) * WORKERS_OF < runs:
        stage.start_worker()
    busy = stage.jobs(runs, steps=1000, seconds=10)
    stage.driver.ask("submit", "steps", busy)
    if not stage.wait(busy, lambda mark: mark.began, 120):
        raise RuntimeError(f"{runs} runs don't execute at once")
    time.sleep(2)
    cancel = w1_cancel.measure(stage, "loop", cancels)["cancelled"]
    figures = {"runs": runs, "cancel p50 ms": cancel["p50"], "cancel p99 ms": cancel["p99"], "cancels": cancel["n"]}
    api = w6_doors.steady(stage, rate=100, seconds=5)["p99"]
    return {**figures, "api p99 ms": api, "workers": len(stage.workers), "memory MiB": memory(stage)}


def memory(stage: Stage) -> dict[str, int]:
    """Resident memory of each process with its children, in MiB."""
    processes = {"api": stage.others[0], "dispatcher": stage.others[1]}
    processes |= {f"worker {number}": process for number, process in enumerate(stage.workers, 1)}
    return {name: _resident(process.pid) for name, process in processes.items()}


def _resident(pid: int) -> int:
    process = psutil.Process(pid)
    return round(sum(each.memory_info().rss for each in [process, *process.children(recursive=True)]) / 2**20)


def _fill(stage: Stage, statement: str, runs: int) -> int | None:
    """Bytes of database per run that was added."""
    have, before = _size(stage)
    for first in range(have + 1, runs + 1, CHUNK):
        stage.connection.execute(statement, {"first": first, "last": min(first + CHUNK - 1, runs)})
    stage.connection.execute("ANALYZE")
    now, after = _size(stage)
    return round((after - before) / (now - have)) if now > have else None


def _size(stage: Stage) -> tuple[int, int]:
    """Runs that were filled in, and bytes of the database."""
    [row] = stage.connection.execute(
        "SELECT (SELECT count(*) FROM andon.events WHERE name = 'bench/grown'), pg_database_size(current_database())"
    ).fetchall()
    return int(row[0]), int(row[1])
