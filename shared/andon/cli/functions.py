"""`andon functions`: what is registered."""

from __future__ import annotations

import typer

from andon.cli.show import AsJson, print_json, print_table
from andon.cli.where import api


def add_to(app: typer.Typer) -> None:
    """Register this module's commands."""
    app.command()(functions)


def functions(as_json: AsJson = False) -> None:
    """List the functions that are registered, with what starts and what cancels their runs."""
    with api() as andon:
        found = list(andon.functions.list())
    if as_json:
        print_json(found)
        return
    print_table(
        ("ID", "TRIGGER", "CANCELLED BY", "MODULE"),
        [(each.id, each.trigger, "; ".join(map(_rule, each.cancel_on)) or None, each.module) for each in found],
        wide="CANCELLED BY",
    )


def _rule(rule: object) -> str:
    told = rule if isinstance(rule, dict) else {}
    by = [f"by {told['match']}"] if told.get("match") else []
    by += [f"if {told['if']}"] if told.get("if") else []
    by += ["every run"] if told.get("everyRun") else []
    return " ".join([str(told.get("event")), *by])
