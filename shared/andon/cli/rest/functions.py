"""`andon functions`: what is registered."""

from collections.abc import Callable, Iterable

from andon.cli.terminal.show import AsJson, print_list
from andon.cli.terminal.where import api


def functions(as_json: AsJson = False) -> None:
    """List the functions that are registered, with what starts and what cancels their runs."""
    with api() as andon:
        found = list(andon.functions.list())
    print_list(
        found,
        as_json,
        ("ID", "STARTS ON", "CANCELLED BY", "MODULE"),
        lambda each: (each.id, _list(_trigger, each.triggers), _list(_rule, each.cancel_on), each.module),
        wide="CANCELLED BY",
    )


def _list(tell: Callable[[object], str], several: Iterable[object]) -> str | None:
    return "; ".join(map(tell, several)) or None


def _trigger(on: object) -> str:
    told = on if isinstance(on, dict) else {}
    if "cron" in told:
        return f"{told['cron']} ({told.get('tz')})"
    return " ".join([str(told.get("event")), *([f"if {told['if']}"] if told.get("if") else [])])


def _rule(rule: object) -> str:
    told = rule if isinstance(rule, dict) else {}
    by = [f"by {told['match']}"] if told.get("match") else []
    by += [f"if {told['if']}"] if told.get("if") else []
    by += ["every run"] if told.get("everyRun") else []
    return " ".join([str(told.get("event")), *by])
