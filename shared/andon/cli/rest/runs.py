"""`andon runs`: look at runs, cancel them, run them again."""

import datetime as dt
import sys
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from andon.cli.terminal.errors import CommandFailed, Exit
from andon.cli.terminal.run_shown import facts, line_of, places, tried, tries
from andon.cli.terminal.saving import print_saved, save_all
from andon.cli.terminal.show import (
    AsJson,
    Limit,
    cell,
    err,
    out,
    percent,
    print_facts,
    print_json,
    print_json_line,
    print_list,
    print_table,
    say,
    took,
)
from andon.cli.terminal.values import TIME, Reason, Timeout, UntilStopped, a_time, json_object
from andon.cli.terminal.watching import follow_run, print_cancel, require_completed
from andon.cli.terminal.where import api
from andon.client import Andon, Conflict, Level, RunStatus

group = typer.Typer(help="Runs: executions of functions.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]


@group.command("list")
def list_(
    status: Annotated[
        str | None,
        typer.Option(help="Only queued, running, waiting, cancelling, completed, failed or cancelled ones."),
    ] = None,
    function: Annotated[str | None, typer.Option(help="Only those of this function.")] = None,
    report: Annotated[str | None, typer.Option(help="Only those of this report.")] = None,
    event: Annotated[str | None, typer.Option(help="Only those that this event started.")] = None,
    after: Annotated[dt.datetime | None, a_time(f"Queued since. {TIME}")] = None,
    before: Annotated[dt.datetime | None, a_time("Queued before that.")] = None,
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
    print_list(
        runs,
        as_json,
        ("ID", "FUNCTION", "SUBJECT", "STATUS", "PROGRESS", "ATTEMPT", "QUEUED", "TOOK"),
        lambda each: (
            each.id,
            each.function_id if each.kind == "function" else f"{each.function_id} ({each.kind})",
            f"{each.subject.kind} {each.subject.id}" if each.subject else "-",
            each.status,
            percent(each.progress),
            each.attempt,
            each.queued_at,
            took(each.started_at, each.ended_at),
        ),
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
    print_facts(facts(run))
    if run.steps or run.attempts:
        print_table(
            ("STEP", "STATUS", "ATTEMPT", "STARTED", "TOOK", "INPUT", "OUTPUT OR ERROR"),
            [row for step in tried(run) for row in tries(*step)],
            wide="OUTPUT OR ERROR",
        )
    for place in places(run):
        out().print(cell(place), soft_wrap=True)


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
                out().print(line_of(line), soft_wrap=True)


@group.command()
def watch(id: Id, timeout: Timeout = None, as_json: AsJson = False) -> None:
    """Show a run's progress and its steps until it has ended; with `--json`, a line at each change."""
    with api() as andon:
        run = follow_run(andon, id, timeout=timeout, seen=print_json_line if as_json else None)
    if not as_json:
        print_facts(facts(run))
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
    say(run, as_json, f"{run.status} {run.id}")
    require_completed(run)


@group.command()
def cancel(
    id: Id,
    reason: Reason = None,
    wait: UntilStopped = False,
    timeout: Timeout = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a run that hasn't ended. Once this exits with 0, it will not complete."""
    with api() as andon:
        asked = andon.runs.cancel(id, reason=reason)
        run = andon.runs.wait(id, timeout=timeout) if wait else None
    told = asked if run is None else run
    say(told, as_json, f"{told.status} {told.id}")
    if run is not None and not as_json:
        print_cancel(run, out())


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
    id: Annotated[str | None, typer.Argument(metavar="[RUN]", help="The run's id; none, to repeat many.")] = None,
    from_step: Annotated[
        str | None,
        typer.Option("--from", metavar="STEP", help="What was done before this step is recalled, and not repeated."),
    ] = None,
    data: Annotated[
        Any, typer.Option(parser=json_object, metavar="JSON", help="In place of the event's: an object; @file, or -.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="With --from and --data: recall it all the same.")] = False,
    function: Annotated[str | None, typer.Option(help="Repeat all of this function's that have failed.")] = None,
    status: Annotated[str, typer.Option(help="With --function: those that are cancelled, say.")] = "failed",
    after: Annotated[dt.datetime | None, a_time(f"With --function: queued since. {TIME}")] = None,
    before: Annotated[dt.datetime | None, a_time("With --function: queued before that.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --function: only count them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask first; a script is never asked.")] = False,
    as_json: AsJson = False,
) -> None:
    """Repeat a run, whole or from a step, or all of a function's that have failed; new runs are found with `andon runs
    list --event`.

    What the steps from there on have done outside is not undone, and is done again. Of many, those that were repeated
    already, or whose subject was asked for again, are left out.
    """
    if (id is None) == (function is None):
        raise CommandFailed("Name a run, or a --function whose failed runs are to be repeated.", Exit.USAGE)
    with api() as andon:
        if function is not None:
            if from_step or data is not None:
                raise CommandFailed("--from and --data are for one run.", Exit.USAGE)
            _rerun_many(andon, function, status, (after, before), dry_run, yes)
            return
        assert id is not None
        asked = andon.runs.rerun(id, from_step=from_step, data=data, keep=keep)
    made = f"run {asked.run_id}" if asked.run_id else f"event {asked.event_id}"
    say(asked, as_json, f"{asked.status} {asked.id}: {made}")


def _rerun_many(
    andon: Andon,
    function: str,
    status: str,
    queued: tuple[dt.datetime | None, dt.datetime | None],
    dry_run: bool,
    yes: bool,
) -> None:
    """Repeat them, the oldest first; what is refused is told, and ends nothing."""
    seen: set[object] = {None}
    found = []
    for run in andon.runs.list(function_id=function, queued_after=queued[0]):  # the newest first
        if run.kind != "function":
            continue
        about = run.subject and (run.subject.kind, run.subject.id)
        if run.status == status and run.id not in seen and (about is None or about not in seen):
            found.append(run)
        seen |= {run.origin_run_id, about}
    found = [run for run in found if queued[1] is None or run.queued_at < queued[1]]
    if dry_run or (sys.stdin.isatty() and not yes):
        if dry_run:
            typer.echo(f"{len(found)} runs match; nothing was repeated")
            return
        typer.confirm(f"Repeat {len(found)} {status} runs of {function}?", abort=True, err=True)
    refused = 0
    for run in reversed(found):
        try:
            asked = andon.runs.rerun(run.id)
        except Conflict as error:
            refused += 1
            err().print(f"{run.id}: {error.detail}", markup=False)
        else:
            typer.echo(f"{asked.status} {asked.id}: event {asked.event_id}")
    if refused:
        raise CommandFailed(f"{refused} of {len(found)} could not be repeated.", Exit.CONFLICT)
