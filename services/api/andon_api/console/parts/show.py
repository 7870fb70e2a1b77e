"""How the console shows times, sizes and people."""

import datetime as dt
import json
from typing import Any

ACTIVE = frozenset({"generating", "active", "queued", "running", "waiting", "cancelling"})
_TURNS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


def moment(value: dt.datetime | None) -> str:
    """For a person, to the millisecond, in UTC."""
    return (
        "–" if value is None else f"{value.astimezone(dt.UTC):%d %b %Y, %H:%M:%S}.{value.microsecond // 1000:03d} UTC"
    )


def ago(value: dt.datetime, now: dt.datetime) -> str:
    """How long ago."""
    seconds = (now - value).total_seconds()
    if seconds < 5:
        return "just now"
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"


def duration(seconds: float | dt.timedelta | None) -> str:
    """A length of time, with as many digits as matter."""
    if seconds is None:
        return "–"
    value = seconds.total_seconds() if isinstance(seconds, dt.timedelta) else seconds
    value = max(value, 0.0)
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(int(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def left(end: dt.datetime, now: dt.datetime) -> str:
    """How long until `end`, as roughly as it is known."""
    seconds = (end - now).total_seconds()
    if seconds < 60:
        return "less than a minute left"
    minutes = round(seconds / 60)
    return f"about {minutes} min left" if minutes < 90 else f"about {round(minutes / 60)} h left"


def size(count: int) -> str:
    """A number of bytes."""
    value = float(count)
    for unit in ("bytes", "KB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "bytes" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


def person(user: Any) -> str:
    """Who: the name or id in a user's JSON."""
    if user is None:
        return "nobody in particular"
    if isinstance(user, dict):
        return str(user.get("name") or user.get("id") or user.get("source") or json.dumps(user))
    return str(user)


def straight(text: str) -> str:
    """Without what turns the direction of all that follows: for a text within others where no element can end it."""
    return text.translate(_TURNS)


KINDS = {"on_cancel": "cleanup after a cancel", "on_failure": "cleanup after a failure"}


def kind(value: str) -> str:
    """What a run is for, where it isn't its function's own."""
    return KINDS.get(value, value)


def pretty(value: Any) -> str:
    """JSON to read."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def every(statuses: list[str]) -> int:
    """How often a page looks again, in milliseconds: each second while something moves."""
    return 1000 if any(status in ACTIVE for status in statuses) else 3000
