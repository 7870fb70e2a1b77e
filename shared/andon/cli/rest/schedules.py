"""`andon schedules`: when functions start by themselves."""

from typing import Annotated

import typer

from andon.cli.terminal.show import AsJson, moment, print_list, say
from andon.cli.terminal.where import api
from andon.client import Andon, Schedule

group = typer.Typer(help="Schedules: when functions start by themselves.", no_args_is_help=True)
Name = Annotated[
    str, typer.Argument(metavar="SCHEDULE", help="The schedule's id, or its function where that has no other.")
]


@group.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the schedules, when each ticks next, and which are paused."""
    with api() as andon:
        found = list(andon.schedules.list())
    print_list(
        found,
        as_json,
        ("ID", "FUNCTION", "SCHEDULE", "ZONE", "NEXT", "LAST"),
        lambda each: (each.id, each.function_id, each.schedule, each.tz, _next(each), each.last_at),
        wide="FUNCTION",
    )


@group.command()
def pause(
    name: Name,
    reason: Annotated[str | None, typer.Option(help="Why; the console and the audit show it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Let a schedule tick no more until it is resumed. Its open runs go on."""
    with api() as andon:
        _tell(andon.schedules.pause(_id(andon, name), reason=reason), "paused", as_json)


@group.command()
def resume(name: Name, as_json: AsJson = False) -> None:
    """Let a schedule tick again, from now on: no tick of the pause is caught up."""
    with api() as andon:
        _tell(andon.schedules.resume(_id(andon, name)), "resumed", as_json)


@group.command("run-now")
def run_now(name: Name, as_json: AsJson = False) -> None:
    """Let a schedule tick now, paused or not; the run is found with `andon runs list --event`."""
    with api() as andon:
        _tell(andon.schedules.run_now(_id(andon, name)), "ticked", as_json)


def _id(andon: Andon, name: str) -> str:
    """The schedule that is meant; a function's name does where it has one schedule."""
    of = [each.id for each in andon.schedules.list() if each.function_id == name]
    return of[0] if len(of) == 1 else name


def _tell(schedule: Schedule, what: str, as_json: bool) -> None:
    say(schedule, as_json, f"{what} {schedule.id}{f' by event {schedule.event_id}' if schedule.event_id else ''}")


def _next(schedule: Schedule) -> str:
    return "paused" if schedule.next_at is None else moment(schedule.next_at)
