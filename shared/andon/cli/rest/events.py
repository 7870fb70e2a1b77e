"""`andon events`: send events, and read the log as it grows."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Annotated, Any

import typer

from andon.cli.rest import dead_events
from andon.cli.terminal.show import AsJson, cell, err, moment, out, print_json, print_json_line, print_one, took, who
from andon.cli.terminal.values import json_object, json_or_text
from andon.cli.terminal.watching import follow_run, require_completed
from andon.cli.terminal.where import api
from andon.client import Andon, Delivered, Event, Function, Run
from andon.engine.dispatch import hearing

group = typer.Typer(help="Events: facts that start and stop runs.", no_args_is_help=True)
group.add_typer(dead_events.group, name="dead")
LOOK_SECONDS = 0.5
LATE = 200  # an event's seq is taken before its commit: one may appear this far behind the newest


@group.command()
def send(
    name: Annotated[str, typer.Argument(help="noun/past.tense, such as report/generation.cancelled.")],
    data: Annotated[
        Any, typer.Argument(parser=json_object, metavar="[DATA]", help="A JSON object; @file, or - for stdin.")
    ] = None,
    id: Annotated[str | None, typer.Option(help="Sent again with the same id, it has no second effect.")] = None,
    user: Annotated[
        Any, typer.Option(parser=json_or_text, metavar="JSON", help="On whose behalf: JSON, or a text.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", "-w", help="Wait for the ends of the runs that it starts, and show them.")
    ] = False,
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds to wait for each at most (exit 7).")] = None,
    as_json: AsJson = False,
) -> None:
    """Send an event; prints its id. Says so where no function listens to its name."""
    with api() as andon:
        sent = andon.events.deliver(name, data, id=id, user=user) if wait else None
        event_id = sent.id if sent else andon.events.send(name, data, id=id, user=user)
        if hint := unheard(name, andon.functions.list()):
            err().print(hint, markup=False)
        if sent is None:
            print_json({"ids": [event_id]}) if as_json else typer.echo(event_id)
            return
        runs = [follow_run(andon, each, timeout=timeout) for each in sent.started]
    if as_json:
        print_json({"event": sent, "runs": runs})
    else:
        for line in _effects(sent, runs):
            typer.echo(line)
    for run in runs:
        require_completed(run)


def unheard(name: str, functions: Iterable[Function]) -> str | None:
    """A sentence if no function starts, or is cancelled, on events of this name; with the nearest names."""
    said = hearing.unheard(
        name, (str(each.get("event")) for function in functions for each in (*function.triggers, *function.cancel_on))
    )
    return f"{said} `andon functions` lists what there is." if said and "Did you mean" not in said else said


def _effects(sent: Delivered, runs: Sequence[Run]) -> Iterator[str]:
    yield f"event {sent.id}"
    for run in runs:
        said = "" if run.output is None else f": {cell(run.output).plain}"
        yield f"{run.status} {run.function_id} {run.id} in {took(run.queued_at, run.ended_at)}{said}"
    for each in sent.cancelled:
        yield f"cancelled {each}"
    for skip in sent.skipped:
        yield f"skipped {skip.function_id}: {skip.why}"


@group.command()
def show(
    id: Annotated[str, typer.Argument(help="The event's id.")],
    as_json: AsJson = False,
) -> None:
    """Show one event: what it started, what it cancelled, and what it did not start and why."""
    with api() as andon:
        event = andon.events.get(id)
    print_one(event, as_json, _facts(event))


@group.command()
def tail(
    name: Annotated[str | None, typer.Option(help="Only events of this name.")] = None,
    number: Annotated[int, typer.Option("--number", "-n", min=0, help="How many of the newest first.")] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with those that come, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the newest events, oldest first; with `--json`, one per line."""
    with api() as andon:
        for event in _newest(andon, name, number, follow, time.sleep):
            if as_json:
                print_json_line(event)
            else:
                _print(event)


def _newest(
    andon: Andon, name: str | None, number: int, follow: bool, sleep: Callable[[float], None]
) -> Iterator[Event]:
    """The newest `number` events, then each that comes, once."""
    there = list(andon.events.list(name=name, limit=max(number, LATE) if follow else number))
    newest = there[0].seq if there else 0
    seen = {event.seq for event in there}
    yield from reversed(there[:number])
    while follow:
        sleep(LOOK_SECONDS)
        since = newest - LATE
        recent = takewhile(lambda event: event.seq > since, andon.events.list(name=name))  # noqa: B023 - used at once
        fresh = [event for event in recent if event.seq not in seen]
        yield from reversed(fresh)
        newest = max([newest, *(event.seq for event in fresh)])
        seen = {seq for seq in seen | {event.seq for event in fresh} if seq > newest - LATE}


def _facts(event: Event) -> Iterator[tuple[str, object]]:
    yield from (("id", event.id), ("name", event.name), ("seq", event.seq), ("time", event.ts))
    yield from (("user", who(event.user)), ("data", dict(event.data)))
    yield from (("started", run) for run in event.effects.started)
    yield from (("cancelled", run) for run in event.effects.cancelled)
    for skip in event.effects.skipped:
        way = f" (run {skip.by_run})" if skip.by_run else ""
        yield "skipped", f"{skip.function_id}: {skip.why}{way}"
    yield "note", event.note


def _print(event: Event) -> None:
    did = [f"started {len(event.effects.started)}"] if event.effects.started else []
    did += [f"cancelled {len(event.effects.cancelled)}"] if event.effects.cancelled else []
    did += [f"skipped {len(event.effects.skipped)}"] if event.effects.skipped else []
    line = cell(f"{moment(event.ts)}  {event.seq:>6}  {event.name}  ") + cell(dict(event.data))
    out().print(line.append(f"  {', '.join(did)}" if did else "", style="green"), soft_wrap=True)
