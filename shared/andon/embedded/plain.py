"""What processes log, as a person at a terminal wants to read it: a line of JSON becomes a plain one, or none.

12:01:03 import-pages 33aa67  step import-page:2 completed in 1.0 s
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

NARRATORS = frozenset({"andon_worker.supervisor.signals.narrating", "andon_worker.dispatcher.narrating"})
RED, GREEN, YELLOW, MAGENTA, DIM = 31, 32, 33, 35, 2
_COLOURS = {
    "run started": 36,
    "run goes on": 36,
    "run completed": GREEN,
    "run failed": RED,
    "run cancelled": MAGENTA,
    "run retrying": YELLOW,
    "step failed": RED,
    "step retrying": YELLOW,
    "no run started": YELLOW,
}


def plain(line: str) -> tuple[str, int | None] | None:
    """The line and its colour; None for what a person needn't see."""
    try:
        said = json.loads(line)
    except ValueError:
        return (line, None) if line.strip() else None
    if not isinstance(said, dict) or "event" not in said:
        return line, None
    if said.get("logger") in NARRATORS:
        return _narrated(said)
    if said.get("stream"):
        return _line(said, f"  {said['event']}"), DIM if said["level"] in ("info", "debug") else _level(said)
    if said.get("level") in ("debug", "info") or said.get("event") in EXPECTED:
        return None
    trace = f"\n{said['exception']}" if said.get("exception") else ""
    return _line(said, f"{said['event']}{trace}"), _level(said)


EXPECTED = frozenset({"redis has no state of ours: making it anew from Postgres"})
"""Warnings of what is no cause for concern where stores begin empty."""


def _narrated(said: Mapping[str, Any]) -> tuple[str, int | None] | None:
    event = str(said["event"])
    step, seconds = said.get("step"), said.get("seconds")
    match event:
        case "run suspended":
            return None
        case "run cancelled":
            cut = f" in step {step}" if step else ""
            stopped = said.get("stopped_ms")
            text = f"cancelled{cut}" + (
                f": its code stopped {stopped} ms after it was told" if stopped is not None else ""
            )
        case "step retrying" | "run retrying":
            what = f"step {step}" if step else "the function"
            text = f"{what} failed, attempt {said['attempt']} of {said['retries'] + 1}: {_why(said)}"
        case "step failed":
            text = f"step {step} failed for good: {_why(said)}"
        case "run failed":
            text = f"failed{_after(seconds)}" + ("" if said.get("told") else f": {_why(said)}")
        case "no run started":
            text = f"{said['trigger']} started no run of {said['function']}: {said['why']}"
        case _ if step:
            text = f"step {step} {event.removeprefix('step ')} in {_took(seconds or 0.0)}"
        case "run started" | "run goes on":
            kind = f" ({said['kind']})" if said.get("kind") != "function" else ""
            text = f"{event.removeprefix('run ')}{kind}  {said.get('trigger', '')}"
        case _:
            text = f"{event.removeprefix('run ')}{_after(seconds)}"
    return _line(said, text), _COLOURS.get(event)


def _line(said: Mapping[str, Any], text: str) -> str:
    who = f"{said['function']} {str(said['run'])[-6:]}  " if said.get("run") and said.get("function") else ""
    return f"{_clock(said.get('timestamp'))}{who}{text}"


def _level(said: Mapping[str, Any]) -> int:
    return YELLOW if said.get("level") == "warning" else RED


def _clock(stamp: object) -> str:
    try:
        return f"{datetime.fromisoformat(str(stamp)).astimezone():%H:%M:%S} "
    except ValueError:
        return ""


def _why(said: Mapping[str, Any]) -> str:
    """The error, and below it the line of one's own code that it came from."""
    below = [said["at"]] if said.get("at") else []
    below += str(said["causes"]).split("\n") if said.get("causes") else []
    return "\n    ".join([str(said.get("error")), *below])


def _after(seconds: object) -> str:
    return f" after {_took(seconds)}" if isinstance(seconds, (int, float)) else ""


def _took(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
