"""Follow a report to its end, with a progress bar on stderr."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from andon.cli.terminal.errors import CommandFailed, Exit
from andon.cli.terminal.show import err, took
from andon.client import Andon, Report, Run


def follow(
    andon: Andon,
    report_id: str,
    *,
    timeout: float | None = None,
    seen: Callable[[Report], None] = lambda report: None,
    console: Console | None = None,
) -> Report:
    """Show the report's progress until it isn't generating; return it then. `seen` gets it at each change."""
    console = console or err()
    try:
        with progress_bar(console) as progress:
            task = None
            for report in andon.reports.watch(report_id, timeout=timeout):
                if task is None:
                    task = progress.add_task(escape(report.title), total=1.0, note="")
                stopping = "cancelling" if report.generating and report.cancel_requested_at else None
                note = escape(stopping or report.progress_note or report.status) + left(report.estimated_end_at)
                progress.update(task, completed=report.progress or 0.0, note=note)
                seen(report)
    except KeyboardInterrupt:
        console.print(f"The report goes on; to stop it: andon reports cancel {report_id}", markup=False)
        raise
    return report


def follow_run(
    andon: Andon,
    run_id: str,
    *,
    timeout: float | None = None,
    seen: Callable[[Run], None] | None = None,
) -> Run:
    """Show the run's progress, and each step as it ends, until it has ended; return it then.

    With `seen`, nothing is shown, and that gets it at each change.
    """
    console, told = err(), set[str]()
    try:
        with progress_bar(console) as progress:
            task = None
            for run in andon.runs.watch(run_id, timeout=timeout):
                if seen is not None:
                    seen(run)
                    continue
                if task is None:
                    task = progress.add_task(escape(run.function_id), total=1.0, note="")
                for line in _news(run, told):
                    console.print(line, markup=False)
                note = run.progress_note or run.current_step or run.status
                progress.update(task, completed=run.progress or 0.0, note=escape(note) + left(run.estimated_end_at))
    except KeyboardInterrupt:
        console.print(f"The run goes on; to stop it: andon runs cancel {run_id}", markup=False)
        raise
    return run


def _news(run: Run, told: set[str]) -> Iterator[str]:
    """A line for each step that has ended or failed since."""
    for step in run.steps:
        key = f"{step.id} {step.status} {step.attempt}"
        if step.status in ("running", "sleeping") or key in told:
            continue
        told.add(key)
        why = said_of(step.error)
        attempt = f" (attempt {step.attempt})" if step.attempt > 1 or step.status == "retrying" else ""
        said = f": {why}" if why else ""
        yield f"  {step.id}  {step.status}{attempt}{said}  {took(step.started_at, step.ended_at) or ''}"


def said_of(error: Any) -> str | None:
    """An error in a line. Its type stands before a message that alone says little, as a KeyError's."""
    if not isinstance(error, dict):
        return None
    kind, message = str(error.get("type") or ""), str(error.get("message") or "")
    plain = kind in ("", "StepError", "NonRetriable") or kind in message or " " in message.strip()
    return message if plain else f"{kind}: {message}"


def require_completed(run: Run) -> None:
    """Raise `CommandFailed` for a run that ended otherwise."""
    if run.status != "completed":
        why = said_of(run.error) or (run.cancel and run.cancel.reason)
        raise CommandFailed(f"Run {run.id} is {run.status}{f': {why}' if why else ''}")


def left(end: dt.datetime | None) -> str:
    """How long until `end`, as roughly as it is known; nothing while it isn't, or when it has passed."""
    minutes = None if end is None else (end - dt.datetime.now(dt.UTC)).total_seconds() / 60
    if minutes is None or minutes <= 0:
        return ""
    return " · less than a minute left" if minutes < 1 else f" · about {minutes:.0f} min left"


def require_generated(report: Report) -> None:
    """Raise `CommandFailed` for a report that ended otherwise, or was never asked for."""
    if report.status == "idle":
        raise CommandFailed(f"Report {report.id} is idle: generate it first.", Exit.CONFLICT)
    if report.status != "generated":
        why = report.error or (report.run and report.run.cancel and report.run.cancel.reason)
        raise CommandFailed(f"Report {report.id} is {report.status}{f': {why}' if why else ''}")


def print_cancel(run: Run | None, console: Console) -> None:
    """When a run's cancel was asked, when the code stopped, when it settled."""
    if run is None or run.cancel is None:
        return
    asked = run.cancel.requested_at
    for label, time in (("code stopped", run.cancel.stopped_at), ("settled", run.cancel.settled_at)):
        after = took(asked, time)
        console.print(f"    {label:<13} {f'{after} after it was asked' if after else 'not recorded'}")


def progress_bar(console: Console) -> Progress:
    """One line per report; nothing of it in a pipe."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[note]}"),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal)
