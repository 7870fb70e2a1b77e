"""`andon pause`, `andon resume`, `andon pauses`: functions and queues whose runs wait."""

from typing import Annotated, cast, get_args

import typer

from andon.cli.terminal.show import AsJson, print_list, say
from andon.cli.terminal.where import api
from andon.client import Pause
from andon.client.pauses import Kind, Running

Name = Annotated[str, typer.Argument(metavar="FUNCTION", help="A function's id; with --queue, a queue's name.")]
OfAQueue = Annotated[bool, typer.Option("--queue", help="It is a queue.")]


def pause(
    name: Name,
    queue: OfAQueue = False,
    reason: Annotated[str | None, typer.Option(help="Why; the console and the audit show it.")] = None,
    running: Annotated[
        str, typer.Option(help="What runs do that have started: continue, hold (at their next step) or cancel.")
    ] = "continue",
    as_json: AsJson = False,
) -> None:
    """Start no run of a function, or in a queue, until it is resumed. Runs are made, wait, and can be cancelled."""
    if running not in get_args(Running):
        raise typer.BadParameter(f"{running!r}: expected continue, hold or cancel", param_hint="--running")
    with api() as andon:
        asked = andon.pauses.pause(_kind(queue), name, reason=reason, running=cast(Running, running))
        _tell(asked, "paused", as_json)


def resume(name: Name, queue: OfAQueue = False, as_json: AsJson = False) -> None:
    """Let its runs start again, in the order in which they were made."""
    with api() as andon:
        _tell(andon.pauses.resume(_kind(queue), name), "resumed", as_json)


def pauses(as_json: AsJson = False) -> None:
    """List what is paused."""
    with api() as andon:
        found = list(andon.pauses.list())
    print_list(
        found,
        as_json,
        ("KIND", "NAME", "SINCE", "STARTED RUNS", "REASON"),
        lambda each: (each.kind, each.name, each.paused_at, each.running, each.reason),
        wide="REASON",
    )


def _kind(queue: bool) -> Kind:
    return "queue" if queue else "function"


def _tell(shown: Pause, what: str, as_json: bool) -> None:
    say(shown, as_json, f"{what} {shown.kind} {shown.name}")
