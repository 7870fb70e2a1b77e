"""`andon runs`: look at runs, cancel them, run them again."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.text import Text

from andon.cli.terminal.errors import CommandFailed, Exit
from andon.cli.terminal.saving import print_saved, save_all
from andon.cli.terminal.show import (
    AsJson,
    Limit,
    cell,
    out,
    percent,
    print_facts,
    print_json,
    print_json_line,
    print_table,
    took,
    who,
)
from andon.cli.terminal.values import TIME, json_object, moment
from andon.cli.terminal.watching import follow_run, print_cancel, require_completed
from andon.cli.terminal.where import api
from andon.client import Attempt, Level, LogLine, Run, RunStatus, Step

group = typer.Typer(help="Runs: executions of functions.", no_args_is_help=True)

Timeout = Annotated[float | None, typer.Option(min=0, help="Seconds to wait at most (exit 7); it goes on.")]
Id = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]
LEVELS = {"stderr": "yellow", "warning": "yellow", "error": "red", "critical": "red", "debug": "dim"}


def add_to(app: typer.Typer) -> None:
    """Register this module's commands."""
    app.add_typer(group, name="runs")
    app.command("rerun")(rerun)


@group.command("list")
def list_(
    status: Annotated[
        str | None,
        typer.Option(help="Only queued, running, waiting, cancelling, completed, failed or cancelled ones."),
    ] = None,
    function: Annotated[str | None, typer.Option(help="Only those of this function.")] = None,
    report: Annotated[str | None, typer.Option(help="Only those of this report.")] = None,
    event: Annotated[str | None, typer.Option(help="Only those that this event started.")] = None,
    after: Annotated[
        dt.datetime | None, typer.Option(parser=moment, metavar="TIME", help=f"Queued since. {TIME}")
    ] = None,
    before: Annotated[
        dt.datetime | None, typer.Option(parser=moment, metavar="TIME", help="Queued before that.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only those that have it; may be repeated.")] = None,
    where: Annotated[
        str | None, typer.Option(metavar="FIELD=VALUE", help="Only those whose event has it: data.reportId=7.")
    ] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List runs."""
    with api() as andon:
        found = andon.runs.list(
            status=cast("RunStatus | None", status),
            function_id=function,
            report_id=report,
            event_id=event,
            queued_after=after,
            queued_before=before,
            tag=tag,
            where=where,
            limit=limit,
        )
        runs = list(found)
    if as_json:
        print_json(runs)
        return
    print_table(
        ("ID", "FUNCTION", "SUBJECT", "STATUS", "PROGRESS", "ATTEMPT", "QUEUED", "TOOK"),
        [
            (
                each.id,
                each.function_id if each.kind == "function" else f"{each.function_id} ({each.kind})",
                f"{each.subject.kind} {each.subject.id}" if each.subject else "-",
                each.status,
                percent(each.progress),
                each.attempt,
                each.queued_at,
                took(each.started_at, each.ended_at),
            )
            for each in runs
        ],
        wide="FUNCTION",
    )


@group.command()
def show(id: Id, as_json: AsJson = False) -> None:
    """Show a run with its steps, its cancel and its cleanup."""
    with api() as andon:
        run = andon.runs.get(id)
    if as_json:
        print_json(run)
        return
    print_facts(_facts(run))
    if run.steps or run.attempts:
        print_table(
            ("STEP", "STATUS", "ATTEMPT", "STARTED", "TOOK", "INPUT", "OUTPUT OR ERROR"),
            [row for step in _tried(run) for row in _tries(*step)],
            wide="OUTPUT OR ERROR",
        )


@group.command()
def logs(
    id: Id,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")] = False,
    step: Annotated[str | None, typer.Option(help="Only what this step said.")] = None,
    attempt: Annotated[int | None, typer.Option(help="Only of this attempt.")] = None,
    level: Annotated[
        str | None, typer.Option(help="From this level up: debug, info, warning, error or critical.")
    ] = None,
    text: Annotated[str | None, typer.Option("--search", help="Only lines with this in them.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print what a run has printed and logged."""
    with api() as andon:
        read = andon.runs.follow_logs if follow else andon.runs.logs
        from_level = cast("Level | None", level)
        for line in read(id, step=step, attempt=attempt, level=from_level, text=text):
            if as_json:
                print_json_line(line)
            else:
                out().print(_line(line), soft_wrap=True)


@group.command()
def watch(id: Id, timeout: Timeout = None, as_json: AsJson = False) -> None:
    """Show a run's progress and its steps until it has ended; with `--json`, a line at each change."""
    with api() as andon:
        run = follow_run(andon, id, timeout=timeout, seen=print_json_line if as_json else None)
    if not as_json:
        print_facts(_facts(run))
    require_completed(run)


@group.command()
def wait(
    id: Id,
    timeout: Timeout = None,
    as_json: AsJson = False,
) -> None:
    """Wait until a run has ended, and print how; exits with 1 if it failed or was cancelled."""
    with api() as andon:
        run = andon.runs.wait(id, timeout=timeout)
    if as_json:
        print_json(run)
    else:
        typer.echo(f"{run.status} {run.id}")
    require_completed(run)


@group.command()
def cancel(
    id: Id,
    reason: Annotated[str | None, typer.Option(help="Why; it is recorded and shown.")] = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait until it has stopped.")] = False,
    timeout: Timeout = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a run that hasn't ended. Once this exits with 0, it will not complete."""
    with api() as andon:
        asked = andon.runs.cancel(id, reason=reason)
        run = andon.runs.wait(id, timeout=timeout) if wait else None
    if run is not None:
        if as_json:
            print_json(run)
        else:
            typer.echo(f"{run.status} {run.id}")
            print_cancel(run, out())
    elif as_json:
        print_json(asked)
    else:
        typer.echo(f"{asked.status} {asked.id}")


@group.command()
def output(
    id: Id,
    step: Annotated[str | None, typer.Argument(help="Of this step; by default what the function has returned.")] = None,
) -> None:
    """Print all of a result as JSON: `andon runs show` has only short ones."""
    with api() as andon:
        print_json(andon.runs.output(id) if step is None else andon.runs.step(id, step).output)


@group.command()
def download(
    id: Id,
    name: Annotated[list[str] | None, typer.Argument(help="Its files; all of them where none is named.")] = None,
    to: Annotated[Path, typer.Option(help="The folder to save them in.", file_okay=False)] = Path(),
    as_json: AsJson = False,
) -> None:
    """Save a run's files."""
    with api() as andon:
        names = name or [each.name for each in andon.runs.artifacts(id)]
        if not names:
            raise CommandFailed(f"Run {id} has no files.", Exit.NOT_FOUND)
        print_saved(save_all(names, to, lambda each, target: andon.runs.download(id, each, target)), as_json)


@group.command()
def rerun(
    id: Id,
    from_step: Annotated[
        str | None,
        typer.Option("--from", metavar="STEP", help="What was done before this step is recalled, and not repeated."),
    ] = None,
    data: Annotated[
        Any, typer.Option(parser=json_object, metavar="JSON", help="In place of the event's: an object; @file, or -.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="With --from and --data: recall it all the same.")] = False,
    as_json: AsJson = False,
) -> None:
    """Repeat a run, whole or from a step; the new run is found with `andon runs list --event`.

    What the steps from there on have done outside is not undone, and is done again.
    """
    with api() as andon:
        asked = andon.runs.rerun(id, from_step=from_step, data=data, keep=keep)
    if as_json:
        print_json(asked)
    else:
        made = f"run {asked.run_id}" if asked.run_id else f"event {asked.event_id}"
        typer.echo(f"{asked.status} {asked.id}: {made}")


def _tried(run: Run) -> list[tuple[str, Sequence[Attempt | Step], Step | None]]:
    """What was tried, by step; first the function's own failures outside its steps."""
    own: list[tuple[str, Sequence[Attempt | Step], Step | None]] = []
    if run.attempts:
        own.append(("(function)", run.attempts, None))
    return [*own, *((step.id, step.attempts or (step,), step) for step in run.steps)]


def _tries(id: str, attempts: Sequence[Attempt | Step], step: Step | None) -> list[tuple[object, ...]]:
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


def _short(text: str | None, most: int) -> str | None:
    return text if text is None or len(text) <= most else text[: most - 1] + "…"


def _facts(run: Run) -> list[tuple[str, object]]:
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
        ("attempt", run.attempt),
        ("progress", percent(run.progress)),
        ("now", None if run.ended else run.current_step),
        ("queued", run.queued_at),
        ("started", run.started_at),
        ("ended", run.ended_at),
        ("wakes", run.wake_at),
        ("waits for", " or ".join(each.words for each in run.waits) or None),
        ("children", ", ".join(f"{each.id} {each.status}" for each in run.children) or None),
        ("output", run.output if run.output is not None or not run.output_url else f"`andon runs output {run.id}`"),
        ("error", run.error and _why(run)),
        ("cancel asked", cancel and cancel.requested_at),
        ("by", cancel and who(cancel.requested_by)),
        ("reason", cancel and cancel.reason),
        ("code stopped", cancel and _after(cancel.requested_at, cancel.stopped_at)),
        ("settled", cancel and _after(cancel.requested_at, cancel.settled_at)),
        ("forced", "yes" if cancel and cancel.forced else None),
        *((f"{each.kind}", f"{each.status} {each.id}") for each in run.cleanup),
        *((f"file {each.name}", f"{each.bytes:,} bytes") for each in run.artifacts),
    ]


def _line(line: LogLine) -> Text:
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
