"""`andon events dead`: entries of the bus that can't be events; look at them, and put them on the bus again."""

from typing import Annotated

import typer

from andon.cli.terminal.errors import CommandFailed, Exit
from andon.cli.terminal.show import AsJson, Limit, print_list, print_one, say
from andon.cli.terminal.where import api

group = typer.Typer(help="Dead events: entries of the bus that can't be events.", no_args_is_help=True)

Id = Annotated[int, typer.Argument(metavar="ID", min=1, help="The dead event's number.")]


@group.command("list")
def list_(limit: Limit = 20, as_json: AsJson = False) -> None:
    """List dead events, with the reason."""
    with api() as andon:
        found = list(andon.dead_events.list(limit=limit))
    print_list(
        found,
        as_json,
        ("ID", "NAME", "REASON", "DIED", "REPLAYED"),
        lambda each: (each.id, each.text.get("name"), each.reason, each.created_at, each.replayed_at),
        wide="REASON",
    )


@group.command()
def show(id: Id, as_json: AsJson = False) -> None:
    """Show a dead event with what it held, as text."""
    with api() as andon:
        found = andon.dead_events.get(id)
    if found is None:
        raise CommandFailed("Dead event not found", Exit.NOT_FOUND)
    print_one(
        found,
        as_json,
        [
            ("id", found.id),
            ("reason", found.reason),
            ("entry", found.stream_id),
            ("died", found.created_at),
            ("replayed", found.replayed_at),
            *((f"field {name}", value) for name, value in found.text.items()),
        ],
    )


@group.command()
def replay(id: Id, as_json: AsJson = False) -> None:
    """Put a dead event on the bus again, under the id that it had; still unreadable, it is buried anew."""
    with api() as andon:
        found = andon.dead_events.replay(id)
    say(found, as_json, f"replayed {found.id}")
