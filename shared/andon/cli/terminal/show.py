"""What commands print: tables for people, JSON for programs. Only a terminal gets colours and is cut to its width."""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from andon.client import Report, Subject
from andon.client.decode import Resource

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON as the API gives it, on stdout.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most, newest first.")]

T = TypeVar("T")

PIPE_WIDTH = 10_000
WIDE_LEAST = 12
STYLES = {
    "generated": "green",
    "completed": "green",
    "ok": "green",
    "cancelled": "yellow",
    "cancelling": "yellow",
    "warning": "yellow",
    "revoked": "yellow",
    "failed": "red",
    "problem": "red",
    "generating": "cyan",
    "running": "cyan",
}


def out() -> Console:
    """Stdout."""
    return _console(stderr=False)


def err() -> Console:
    """Stderr: progress, and what is said beside the result."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    """In a pipe nothing is cut or wrapped."""
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=PIPE_WIDTH)


def print_json(value: Any) -> None:
    """`value` (a resource is what the API gave) as indented JSON."""
    typer.echo(json.dumps(value, indent=2, default=_plain, ensure_ascii=False))


def say(thing: Any, as_json: bool, text: str) -> None:
    """What came of a command, in words, or the thing itself."""
    if as_json:
        print_json(thing)
    else:
        typer.echo(text)


def print_list(
    found: Sequence[T],
    as_json: bool,
    columns: Sequence[str],
    row: Callable[[T], Sequence[object]],
    *,
    wide: str = "",
    shape: Callable[[T], object] = lambda each: each,
) -> None:
    """A table with a row for each, or all of them, each in its `shape`."""
    if as_json:
        print_json([shape(each) for each in found])
    else:
        print_table(columns, map(row, found), wide=wide)


def print_one(thing: Any, as_json: bool, facts: Iterable[tuple[str, object]]) -> None:
    """What is to be said of one thing, or the thing itself."""
    if as_json:
        print_json(thing)
    else:
        print_facts(facts)


def camel(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a store's with its names as the API has them."""
    return {name.split("_")[0] + "".join(part.title() for part in name.split("_")[1:]): row[name] for name in row}


def print_json_line(value: Any) -> None:
    """`value` on one line, at once: for what goes on."""
    typer.echo(json.dumps(value, default=_plain, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, Resource):
        return value.raw
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return str(value)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, wide: str = "") -> None:
    """A table; the column `wide` gives way where the terminal is narrow, and no other, so that ids can be copied."""
    cells = [[cell(value) for value in row] for row in rows]
    widths = [max([len(name), *(row[number].cell_len for row in cells)]) for number, name in enumerate(columns)]
    console = out()
    if wide:
        given = console.width - sum(widths) - 2 * len(columns)
        at = columns.index(wide)
        widths[at] = min(widths[at], max(WIDE_LEAST, widths[at] + given))
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name, width in zip(columns, widths, strict=True):
        table.add_column(name, no_wrap=True, overflow="ellipsis", width=width)
    for row in cells:
        table.add_row(*row)
    console.width = max(console.width, sum(widths) + 2 * len(columns))  # a terminal wraps what is too long
    console.print(table)


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Names and values, those that are None left out."""
    told = [(name, value) for name, value in facts if value is not None]
    width = max((len(name) for name, _ in told), default=0)
    console = out()
    for name, value in told:
        console.print(Text(f"{name:<{width}}  ", style="dim") + cell(value), soft_wrap=True)


def cell(value: object) -> Text:
    """`value` as a person reads it; nothing in it can steer the terminal."""
    if value is None:
        return Text("-", style="dim")
    if isinstance(value, dt.datetime):
        return Text(moment(value))
    if isinstance(value, (dict, list, tuple)):
        return Text(json.dumps(value, default=_plain, ensure_ascii=False))
    text = "".join(each if each.isprintable() or each == "\n" else "\ufffd" for each in str(value))
    return Text(text, style=STYLES.get(text, ""))


def moment(time: dt.datetime) -> str:
    """A time on this machine's clock."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def percent(fraction: float | None) -> str | None:
    """A share of 1 as a percentage."""
    return None if fraction is None else f"{fraction:.0%}"


def took(begun: dt.datetime | None, ended: dt.datetime | None) -> str | None:
    """How long something took, if it has begun and ended."""
    return None if begun is None or ended is None else seconds((ended - begun).total_seconds())


def seconds(number: float) -> str:
    """A duration: milliseconds below a second, then seconds, then minutes and hours."""
    if abs(number) < 1:
        return f"{number * 1000:.0f} ms"
    if abs(number) < 120:
        return f"{number:.1f} s"
    minutes, rest = divmod(round(number), 60)
    return f"{minutes} min {rest} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def its_request(thing: Report | Subject) -> list[tuple[str, object]]:
    """Its run, who has asked for it and when, and what came of that."""
    cancelled = thing.run.cancel if thing.run else None
    return [
        ("run", thing.run and thing.run.id),
        ("requested", thing.requested_at),
        ("requested by", who(thing.requested_by)),
        ("cancel asked", thing.cancel_requested_at),
        ("cancel reason", cancelled and cancelled.reason),
        ("completed", thing.completed_at),
        ("cancelled", thing.cancelled_at),
        ("failed", thing.failed_at),
    ]


def who(user: Any) -> str | None:
    """A user as JSON, in a word where it has an id."""
    if isinstance(user, dict) and isinstance(user.get("id"), str):
        return str(user["id"])
    return None if user is None else json.dumps(user)
