"""W7: what it costs that runs talk: steps a second when each prints nothing, and when each prints 20 lines."""

from __future__ import annotations

import signal
import statistics
import time
from typing import Any

from benchmarks.stage import Stage
from benchmarks.w2_steps import STEPS, completed

_KEPT = r"""
SELECT sum(cardinality(string_to_array(said->>'text', E'\n'))) FROM andon.run_logs, json_array_elements(lines) said
"""
LINES = 20
ROUNDS = 5


def talking(stage: Stage, count: int) -> dict[str, Any]:
    """Both in turns, so that what else the machine does concerns both; the ratio is of the medians."""
    rates: dict[int, list[float]] = {0: [], LINES: []}
    for _ in range(ROUNDS):
        for lines, found in rates.items():
            found.append(_rate(stage, count, lines))
    silent, talks = (statistics.median(found) for found in rates.values())
    [kept] = stage.connection.execute(_KEPT).fetchone() or [0]
    return {
        "steps/s, silent": round(silent, 1),
        f"steps/s, {LINES} lines each": round(talks, 1),
        "ratio": round(talks / silent, 3),
        "lines kept": int(kept or 0),
        "of": count * STEPS * LINES * ROUNDS,
        "rounds": [[round(each, 1) for each in found] for found in rates.values()],
    }


def _rate(stage: Stage, count: int, lines: int) -> float:
    """All jobs are queued before the worker starts, as in W2."""
    stage.stop_workers(signal.SIGTERM)
    jobs = [{**job, "lines": lines} for job in stage.jobs(count, steps=STEPS, seconds=0)]
    ids = stage.driver.ask("submit", "talking", jobs)["answer"]
    while len(stage.shown("queued", ids)) < count:
        time.sleep(0.05)
    return completed(stage, jobs) * STEPS
