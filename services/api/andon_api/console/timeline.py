"""A run's steps as bars on one scale: what the waterfall draws."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from andon_api.database import Row

WIDTH = 1000


@dataclass(frozen=True)
class Bar:
    """One step: where its bar starts and how long it is, of `WIDTH`."""

    step: Row
    left: float
    width: float
    seconds: float


def bars(run: Row, now: dt.datetime) -> list[Bar]:
    """The run's steps, the one that is under way, or in which the run stopped, among them."""
    steps = _steps(run)
    start = min([run["started_at"] or run["queued_at"], *(step["started_at"] for step in steps)])
    end = max([run["ended_at"] or now, *(step["ended_at"] for step in steps if step["ended_at"])])
    whole = max((end - start).total_seconds(), 0.001)
    return [_bar(step, start, step["ended_at"] or end, whole) for step in steps]


def _steps(run: Row) -> list[Row]:
    steps: list[Row] = list(run["steps"])
    current = run["current_step"]
    if current is None or run["step_started_at"] is None:
        return steps
    status = run["status"] if run["ended_at"] else "running"
    under_way: dict[str, Any] = {"id": current, "status": status, "attempt": 1, "started_at": run["step_started_at"]}
    under_way |= {"ended_at": run["ended_at"], "error": None}
    for place, step in enumerate(steps):
        if step["id"] == current:
            if step["status"] not in {"completed", "failed"}:
                steps[place] = {**step, **under_way, "attempt": step["attempt"] + 1, "error": step["error"]}
            return steps
    return [*steps, under_way]


def _bar(step: Row, start: dt.datetime, end: dt.datetime, whole: float) -> Bar:
    before = (step["started_at"] - start).total_seconds()
    seconds = max((end - step["started_at"]).total_seconds(), 0.0)
    width = max(seconds / whole * WIDTH, 4)
    return Bar(step, round(min(before / whole * WIDTH, WIDTH - width), 1), round(width, 1), seconds)
