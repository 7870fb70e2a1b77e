"""What `andon runs` shows of a run: its facts, a row for each attempt, where an error came from, its lines."""

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from andon.cli.terminal.show import cell, percent, took, who
from andon.client import Attempt, LogLine, Run, Step, causes, waiting_for

LEVELS = {"stderr": "yellow", "warning": "yellow", "error": "red", "critical": "red", "debug": "dim"}


def tried(run: Run) -> list[tuple[str, Sequence[Attempt | Step], Step | None]]:
    """What was tried, by step; first the function's own failures outside its steps."""
    own: list[tuple[str, Sequence[Attempt | Step], Step | None]] = []
    if run.attempts:
        own.append(("(function)", run.attempts, None))
    return [*own, *((step.id, step.attempts or (step,), step) for step in run.steps)]


def tries(id: str, attempts: Sequence[Attempt | Step], step: Step | None) -> list[tuple[object, ...]]:
    """A row for each attempt; the step is named once, and what came of it is told with the last."""
    rows: list[tuple[object, ...]] = []
    for n, a in enumerate(attempts):
        given = _short(step.input, 40) if step and n == 0 else None
        result = _why(a) or (_result(step) if step and a is attempts[-1] else None)
        rows.append(
            (id if n == 0 else "", a.status, a.attempt, a.started_at, took(a.started_at, a.ended_at), given, result)
        )
    return rows


def _result(step: Step) -> str | None:
    """A short output as JSON; of a long one, where it is."""
    if step.output is None:
        return "(null, or long: see andon runs output)" if step.output_url else None
    return _short(json.dumps(step.output, ensure_ascii=False), 200)


def places(run: Run) -> Iterator[str]:
    """Where its error, or while it goes on those of its steps, came from: one's own calls, the last one first."""
    errors = [run.error] if run.error else [step.error for step in run.steps if not run.ended]
    for error in errors:
        frames = error.get("frames") if isinstance(error, dict) else None
        for cause in error.get("causes", []) if isinstance(error, dict) else []:
            yield f"\nbecause of {cause['type']}: {cause['message']}" + (f"\n    {cause['at']}" if cause["at"] else "")
        for frame in reversed([each for each in frames or () if each.get("own")]):
            yield f"\nat {frame['file']}:{frame['line']} in {frame['function']}\n    {frame['source']}"
        for thread in error.get("threads", []) if isinstance(error, dict) else []:
            yield f"\nwhile the thread {thread['name']} was at\n    {thread['at']}"


def _short(text: str | None, most: int) -> str | None:
    return text if text is None or len(text) <= most else text[: most - 1] + "…"


def facts(run: Run) -> list[tuple[str, object]]:
    """Its names and values, None where there is none."""
    cancel = run.cancel
    return [
        ("id", run.id),
        ("function", run.function_id),
        ("kind", run.kind if run.kind != "function" else None),
        ("status", run.status),
        ("event", f"{run.event.name} {run.event.id}"),
        ("data", run.event.data),
        ("tags", ", ".join(run.tags) or None),
        ("report", run.report_id),
        ("parent", run.parent_run_id),
        ("repeats", run.origin_run_id),
        ("from", run.origin_step),
        ("attempt", run.attempt if run.attempt > 1 else None),
        ("progress", percent(run.progress)),
        ("now", None if run.ended else run.current_step),
        ("queued", run.queued_at),
        ("started", run.started_at),
        ("ended", run.ended_at),
        ("took", run.ended_at and took(run.started_at, run.ended_at)),
        ("wakes", run.wake_at),
        ("waits for", _awaited(run)),
        ("children", ", ".join(f"{each.id} {each.status}" for each in run.children) or None),
        ("output", run.output if run.output is not None or not run.output_url else f"`andon runs output {run.id}`"),
        ("error", run.error and _why(run)),
        ("cancel asked", cancel and cancel.requested_at),
        ("by", cancel and who(cancel.requested_by)),
        ("cause", cancel and cancel.cause and causes.said(cancel.cause)),
        ("reason", cancel and cancel.reason),
        ("code stopped", cancel and _after(cancel.requested_at, cancel.stopped_at)),
        ("settled", cancel and _after(cancel.requested_at, cancel.settled_at)),
        ("forced", "yes" if cancel and cancel.forced else None),
        *((f"{each.kind}", f"{each.status} {each.id}") for each in run.cleanup),
        *((f"file {each.name}", f"{each.bytes:,} bytes") for each in run.artifacts),
    ]


def _awaited(run: Run) -> str | None:
    """What it waits for, of a run that isn't going."""
    if run.queued_for:
        return run.queued_for.words
    if run.status == "queued":
        return waiting_for.said("worker")
    again = [step for step in run.steps if step.status == "retrying"] if run.status == "waiting" else []
    if again:
        return f"another try of {', '.join(step.id for step in again)}, after {again[0].attempt} that failed"
    return " or ".join(each.words for each in run.waits) or None


def line_of(line: LogLine) -> Text:
    """Time, level or stream, step, text and a record's fields."""
    kind = line.level or line.stream
    where = f"{line.step}#{line.attempt}" if line.step else "-"
    fields = "".join(f" {name}={value!r}" for name, value in (line.fields or {}).items())
    text = cell(line.text)
    text.style = LEVELS.get(kind, "")
    clock = line.at.astimezone().strftime("%H:%M:%S.%f")[:-3]
    return Text(f"{clock} ", style="dim") + Text(f"{kind:<8} ") + Text(f"{where} ", style="cyan") + text + cell(fields)


def _after(asked: dt.datetime, time: dt.datetime | None) -> str | None:
    after = took(asked, time)
    return after and f"{after} after it was asked"


def _why(thing: Any) -> object:
    """An error's type and message, or all of it where it has none."""
    error = thing.error
    if not isinstance(error, dict) or "message" not in error:
        return error
    return f"{error['type']}: {error['message']}" if error.get("type") else error["message"]
