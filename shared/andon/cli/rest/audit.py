"""`andon audit`: who has changed what."""

from typing import Annotated

import typer

from andon.cli.terminal.show import AsJson, Limit, print_list, who
from andon.cli.terminal.where import api


def audit(
    action: Annotated[str | None, typer.Option(help="Only what was done so, as report.deleted.")] = None,
    target: Annotated[
        str | None, typer.Option(metavar="ID", help="Only what was done to the thing of this id.")
    ] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List who has changed what. Takes a key with the scope admin."""
    with api() as andon:
        found = list(andon.audit.list(action=action, target=target, limit=limit))
    print_list(
        found,
        as_json,
        ("AT", "ACTION", "TARGET", "BY", "KEY", "DETAILS"),
        lambda each: (
            *(each.at, each.action, each.target, who(each.by), each.key_id),
            ", ".join(f"{name}={_plain(value)}" for name, value in each.details.items() if value is not None),
        ),
        wide="DETAILS",
    )


def _plain(value: object) -> object:
    return "+".join(map(str, value)) if isinstance(value, tuple | list) else value
