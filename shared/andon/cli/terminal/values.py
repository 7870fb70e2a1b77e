"""How options are read: durations, moments, JSON. What can't be read is refused naming the option (exit 2)."""

import datetime as dt
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from andon.engine import durations

TIME = "A time such as 2026-01-31T09:00:00Z, or how long ago, such as 2h."


def duration(text: str) -> dt.timedelta:
    """`90s`, `15m`, `2h`, `30d`, `1w`."""
    try:
        return durations.read(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def moment(text: str) -> dt.datetime:
    """An RFC 3339 time (local where it names no zone), or a duration, which counts back from now."""
    try:
        return dt.datetime.fromisoformat(text).astimezone()
    except ValueError:
        pass
    try:
        return dt.datetime.now(dt.UTC) - duration(text)
    except typer.BadParameter:
        expected = "expected a time such as 2026-01-31T09:00:00Z, or how long ago, such as 2h"
        raise typer.BadParameter(f"{expected}, got {text!r}") from None


def json_object(text: str) -> dict[str, Any]:
    """A JSON object, in the argument itself, in a file (`@file`) or on stdin (`-`)."""
    if text == "-":
        given = sys.stdin.read()
    elif text.startswith("@"):
        try:
            given = Path(text[1:]).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise typer.BadParameter(f"{text[1:]} can't be read: {error}") from None
    else:
        given = text
    try:
        found = json.loads(given)
    except ValueError as error:
        raise typer.BadParameter(f"expected a JSON object, got {given[:60]!r} ({error})") from None
    if not isinstance(found, dict):
        raise typer.BadParameter(f"expected a JSON object, got {given[:60]!r}")
    return found


def json_or_text(text: str) -> Any:
    """JSON, or the text itself where it isn't any."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def setting(text: str) -> tuple[str, Any]:
    """`name=value`; the value is JSON, or a text where it isn't any."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"expected name=value, got {text!r}")
    return name, json_or_text(value)


def a_duration(help: str, parser: Any = duration) -> Any:
    """An option that is a duration."""
    return typer.Option(parser=parser, metavar="DURATION", help=help)


def a_time(help: str) -> Any:
    """An option that is a time."""
    return typer.Option(parser=moment, metavar="TIME", help=help)


Reason = Annotated[str | None, typer.Option(help="Why; it is recorded and shown.")]
UntilStopped = Annotated[bool, typer.Option("--wait", "-w", help="Wait until it has stopped.")]
Timeout = Annotated[float | None, typer.Option(min=0, help="Seconds to wait at most (exit 7); it goes on.")]
RequestedBy = Annotated[str | None, typer.Option(help="Only what the user with this id has asked for.")]
CreatedSince = Annotated[dt.datetime | None, a_time(f"Created since. {TIME}")]
CreatedBefore = Annotated[dt.datetime | None, a_time("Created before that.")]
