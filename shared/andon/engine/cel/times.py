"""Timestamps and durations: how they are read, written and taken apart."""

import datetime as dt
import re
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from andon.engine.cel.failures import EvaluationError

LONGEST = dt.timedelta(seconds=315_576_000_000)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DURATION = re.compile(r"[+-]?(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(?:h|ms|us|µs|ns|m|s)", re.ASCII)
_PART = re.compile(r"([\d.]+)([a-zµ]+)")
_UNITS = {"h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000, "us": 1, "µs": 1, "ns": 0.001}
_OFFSET = re.compile(r"([+-]?)(\d\d):(\d\d)", re.ASCII)
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}", re.ASCII)


def timestamp(text: str) -> dt.datetime:
    """RFC 3339."""
    found = _TIMESTAMP.fullmatch(text) if len(text) <= 64 else None
    if found is None:
        raise EvaluationError(f"{text[:40]!r} is no time of RFC 3339")
    day, time, fraction, zone = found.groups()
    try:
        moment = dt.datetime.fromisoformat(f"{day}T{time}{(fraction or '')[:7]}{zone.upper()}")
        return moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise EvaluationError(f"{text[:40]!r} is no time of RFC 3339") from None


def at(seconds: int) -> dt.datetime:
    """So many seconds after 1970."""
    return shifted(_EPOCH, duration_of(seconds * 1_000_000))


def seconds(moment: dt.datetime) -> int:
    """Whole seconds since 1970."""
    return (moment - _EPOCH) // dt.timedelta(seconds=1)


def duration(text: str) -> dt.timedelta:
    """As `1h30m`, `-1.5s`; the units are h, m, s, ms, us, ns."""
    if len(text) > 64:
        raise EvaluationError(f"{text[:40]!r} is no duration such as '1h30m'")
    if text in {"0", "+0", "-0"}:
        return dt.timedelta(0)
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    micros, end = 0.0, 0
    exact = 0
    while end < len(rest):
        found = _DURATION.match(rest, end)
        part = _PART.fullmatch(found[0]) if found else None
        if part is None:
            raise EvaluationError(f"{text[:40]!r} is no duration such as '1h30m'")
        number, unit = part.groups()
        if "." in number or unit == "ns":
            micros += float(number) * _UNITS[unit]
        else:
            exact += int(number) * int(_UNITS[unit])
        end += len(part[0])
    if not rest:
        raise EvaluationError("'' is no duration such as '1h30m'")
    return duration_of(sign * (exact + int(micros)))


def duration_of(micros: int) -> dt.timedelta:
    """So many microseconds, at most about 10,000 years."""
    if abs(micros) > LONGEST // dt.timedelta(microseconds=1):
        raise EvaluationError("a duration is out of range")
    return dt.timedelta(microseconds=micros)


def shifted(moment: dt.datetime, by: dt.timedelta) -> dt.datetime:
    """`moment + by`, in the years 1 to 9999."""
    try:
        return moment + by
    except OverflowError:
        raise EvaluationError("a timestamp is out of range") from None


def written(value: dt.datetime | dt.timedelta) -> str:
    """As `string()` has it: RFC 3339, or seconds as `90s`."""
    if isinstance(value, dt.datetime):
        text = value.astimezone(dt.UTC).replace(tzinfo=None).isoformat()
        return (text.rstrip("0") if "." in text else text) + "Z"
    micros = value // dt.timedelta(microseconds=1)
    whole, rest = divmod(abs(micros), 1_000_000)
    fraction = f".{rest:06d}".rstrip("0") if rest else ""
    return f"{'-' if micros < 0 else ''}{whole}{fraction}s"


def local(moment: dt.datetime, zone: str | None) -> dt.datetime:
    """`moment` in a zone: a name of the tz database, or an offset as `+02:00`."""
    if zone is None:
        return moment.astimezone(dt.UTC)
    known = _zone(zone) if len(zone) <= 64 else None
    if known is None:
        raise EvaluationError(f"{zone[:40]!r} is no time zone")
    try:
        return moment.astimezone(known)
    except OverflowError:
        raise EvaluationError("a timestamp is out of range") from None


@lru_cache(maxsize=256)
def _zone(text: str) -> dt.tzinfo | None:
    try:
        if offset := _OFFSET.fullmatch(text):
            ahead = dt.timedelta(hours=int(offset[2]), minutes=int(offset[3]))
            return dt.timezone(-ahead if offset[1] == "-" else ahead)
        return ZoneInfo(text) if _ZONE.fullmatch(text) else None
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return None


PARTS: dict[str, Any] = {
    "getFullYear": lambda t: t.year,
    "getMonth": lambda t: t.month - 1,
    "getDate": lambda t: t.day,
    "getDayOfMonth": lambda t: t.day - 1,
    "getDayOfYear": lambda t: t.timetuple().tm_yday - 1,
    "getDayOfWeek": lambda t: t.isoweekday() % 7,
    "getHours": lambda t: t.hour,
    "getMinutes": lambda t: t.minute,
    "getSeconds": lambda t: t.second,
    "getMilliseconds": lambda t: t.microsecond // 1000,
}
SPANS: dict[str, int] = {"getHours": 3_600_000_000, "getMinutes": 60_000_000, "getSeconds": 1_000_000}


def part(value: Any, name: str, zone: str | None) -> int:
    """A getter of a timestamp, or of a duration: its whole hours, minutes, seconds; the milliseconds of its second."""
    if isinstance(value, dt.datetime):
        return int(PARTS[name](local(value, zone)))
    micros = value // dt.timedelta(microseconds=1)
    size = int(abs(micros) // SPANS[name] if name in SPANS else abs(micros) % 1_000_000 // 1000)
    return size if micros >= 0 else -size
