"""W6: the doors. Entries a second through the dispatcher, requests a second through the API and a bare Flask route."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import Any

from redis import Redis

from andon.embedded.children.spawn import spawn
from andon.embedded.ports import free_port
from benchmarks.spread import Spread
from benchmarks.stage import Stage

THREADS = 8
_NOTICED = json.dumps({"name": "bench/noticed", "data": {"number": 1}})


def dispatcher(stage: Stage, count: int) -> dict[str, Any]:
    """`count` entries that nobody waits for, added at once and until the last is recorded; then one after the other."""
    batched = added_at_once(stage, count)
    redis = Redis.from_url(stage.redis_url)
    single = []
    for _ in range(200):
        known = _recorded(stage)
        began = time.monotonic()
        redis.xadd("andon:events", {"name": "bench/noticed", "data": "{}"})
        while _recorded(stage) == known:
            time.sleep(0.0003)
        single.append(time.monotonic() - began)
    return {"entries/s in batches": batched, "one entry, added to recorded": Spread.of(single).milliseconds()}


def added_at_once(stage: Stage, count: int) -> int:
    """Entries a second, from the first added to the last recorded."""
    redis = Redis.from_url(stage.redis_url)
    before = _recorded(stage)
    began = time.monotonic()
    for start in range(0, count, 1000):
        pipe = redis.pipeline(transaction=False)
        for number in range(start, min(start + 1000, count)):
            pipe.xadd("andon:events", {"name": "bench/noticed", "data": f'{{"number":{number}}}'})
        pipe.execute()
    while _recorded(stage) < before + count:
        time.sleep(0.01)
    return round(count / (time.monotonic() - began))


def steady(stage: Stage, *, rate: float, seconds: float) -> dict[str, float]:
    """Latencies of the API while it is sent `rate` events a second."""
    return Spread.of(_press(stage, stage.port, [_NOTICED], seconds, rate=rate)).milliseconds()


def api(stage: Stage, seconds: float) -> dict[str, Any]:
    """Events accepted a second, Andon's and the bare route's in turns; then the API's p99 at half its peak."""
    body = [_NOTICED]
    port = free_port()
    options = ["--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--threads", "32", "--keep-alive", "30"]
    command = [sys.executable, "-m", "gunicorn", *options, "--no-control-socket", "benchmarks.bare_flask:app"]
    with (stage.folder / "bare.log").open("ab") as output:
        bare = spawn(command, env=stage.env, output=output)
    try:
        time.sleep(2)
        ours, theirs = [], []
        for _ in range(3):
            ours.append(len(_press(stage, stage.port, body, seconds)) / seconds)
            theirs.append(len(_press(stage, port, body, seconds)) / seconds)
    finally:
        bare.send_signal(signal.SIGKILL)
        bare.wait()
    peak = sorted(ours)[1]
    return {
        "events/s": round(peak),
        "bare route, requests/s": round(sorted(theirs)[1]),
        "times the bare route's time": round(sorted(theirs)[1] / peak, 2),
        "at half the peak": steady(stage, rate=peak / 2, seconds=seconds),
    }


def cancels(stage: Stage, count: int) -> dict[str, Any]:
    """Cancels accepted a second, of `count` runs that are queued while no worker runs."""
    stage.stop_workers(signal.SIGTERM)
    jobs = stage.jobs(count, steps=1, seconds=0)
    stage.driver.ask("submit", "many", jobs)
    statement = "SELECT id::text FROM andon.runs WHERE function_id = 'bench-many' AND status = 'queued'"
    while len(rows := stage.connection.execute(statement).fetchall()) < count:
        time.sleep(0.05)
    began = time.monotonic()
    per = count // THREADS
    ids = [row[0] for row in rows]
    took = _press(stage, stage.port, ids[: per * THREADS], 0, path="/api/v1/runs/{}/cancel", once=True)
    return {"cancels/s": round(len(took) / (time.monotonic() - began)), "latency": Spread.of(took).milliseconds()}


def _press(
    stage: Stage,
    port: int,
    bodies: list[str],
    seconds: float,
    *,
    rate: float = 0.0,
    path: str = "/api/v1/events",
    once: bool = False,
) -> list[float]:
    asked = {"port": port, "path": path, "bodies": bodies, "threads": THREADS, "seconds": seconds, "rate": rate}
    command = [sys.executable, "-m", "benchmarks.load"]
    text = json.dumps({**asked, "once": once})
    done = subprocess.run(command, input=text, env=stage.env, capture_output=True, text=True, check=True)
    took: list[float] = json.loads(done.stdout)
    return took


def _recorded(stage: Stage) -> int:
    """How many of W6's events are in the inbox; few enough to count, whatever else is there."""
    row = stage.connection.execute(
        "SELECT count(*) FROM andon.events WHERE tenant = 'default' AND name = 'bench/noticed'"
    ).fetchone()
    return int(row[0]) if row else 0
