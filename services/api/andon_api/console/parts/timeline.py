"""A run's steps as bars on one scale: what the waterfall draws. Each attempt has a bar, and each wait between a gap."""

import datetime as dt
from dataclasses import dataclass

from andon_api.database import Row

WIDTH = 1000
NARROWEST = 4


@dataclass(frozen=True)
class Bar:
    """A stretch of the scale: where it starts and how long it is, of `WIDTH`. A gap has no attempt."""

    left: float
    width: float
    seconds: float
    status: str
    attempt: Row | None = None


@dataclass(frozen=True)
class Lane:
    """One step, or the function itself, with its bars."""

    step: Row
    bars: list[Bar]
    seconds: float
    """From the first attempt's start to the last one's end."""


def lanes(run: Row, now: dt.datetime) -> list[Lane]:
    """The run's steps in their order; before them the function's own attempts, where it was tried again."""
    steps = [*_of_function(run), *run["steps"]]
    times = [each for step in steps for each in step["attempts"]]
    start = min([run["started_at"] or run["queued_at"], *(each["started_at"] for each in times)])
    end = max([run["ended_at"] or now, *(each["ended_at"] for each in times if each["ended_at"])])
    scale = _Scale(start, end)
    return [_lane(step, scale) for step in steps]


def _of_function(run: Row) -> list[Row]:
    """Attempts outside the steps are shown as a step that has no name."""
    attempts = [*(run.get("attempts") or []), *_last_of_function(run)]
    if not attempts:
        return []
    return [{"id": None, "status": attempts[-1]["status"], "attempts": attempts, "attempt": len(attempts)}]


def _last_of_function(run: Row) -> list[Row]:
    """The attempt with which it has failed, at its end: how long it took is kept of those before it alone."""
    error = run.get("error")
    if run["status"] != "failed" or not isinstance(error, dict) or error.get("step"):
        return []
    last = {"attempt": run.get("attempt"), "status": "failed", "error": error, "worker": None, "at_the_end": True}
    return [{**last, "started_at": run["ended_at"], "ended_at": run["ended_at"]}]


@dataclass(frozen=True)
class _Scale:
    start: dt.datetime
    end: dt.datetime

    def bar(self, start: dt.datetime, end: dt.datetime, status: str, attempt: Row | None = None) -> Bar:
        whole = max((self.end - self.start).total_seconds(), 0.001)
        before = (start - self.start).total_seconds()
        seconds = max((end - start).total_seconds(), 0.0)
        width = max(seconds / whole * WIDTH, NARROWEST if attempt else 0)
        return Bar(round(min(before / whole * WIDTH, WIDTH - width), 1), round(width, 1), seconds, status, attempt)


def _lane(step: Row, scale: _Scale) -> Lane:
    bars: list[Bar] = []
    last: dt.datetime | None = None
    for each in step["attempts"]:
        if last is not None and each["started_at"] > last:
            bars.append(scale.bar(last, each["started_at"], "gap"))
        last = each["ended_at"] or scale.end
        bars.append(scale.bar(each["started_at"], last, each["status"], each))
    if last is not None and step["status"] == "retrying" and last < scale.end:
        bars.append(scale.bar(last, scale.end, "gap"))
    first = step["attempts"][0]["started_at"] if step["attempts"] else scale.start
    return Lane(step, bars, max(((last or scale.start) - first).total_seconds(), 0.0))
