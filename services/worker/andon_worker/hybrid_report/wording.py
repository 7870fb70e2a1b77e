"""Numbers, names and times as people read them."""

from __future__ import annotations

import math
from datetime import datetime

MINUS = "−"
MISSING = "–"


def number(value: float | None) -> str:
    """About four digits; whole numbers in full."""
    if value is None or not math.isfinite(value):
        return MISSING
    size = abs(value)
    if value == int(value) and size < 1e15:
        text = f"{int(value):,}"
    elif size >= 1e15 or size < 1e-4:
        text = f"{value:.3g}"
    elif size >= 1_000:
        text = f"{value:,.0f}"
    elif size >= 100:
        text = f"{value:.1f}"
    elif size >= 1:
        text = f"{value:.2f}"
    else:
        text = f"{value:.3g}"
    return text.replace("-", MINUS)


def coefficient(value: float | None) -> str:
    """Two digits; three where two would claim a perfect correlation that isn't."""
    if value is None:
        return MISSING
    if 0.995 <= abs(value) < 1:
        text = f"{max(-0.999, min(0.999, value)):.3f}"
    else:
        text = f"{value:.2f}"
    return "0.00" if text == "-0.00" else text.replace("-", MINUS)


def percent(part: float, whole: float) -> str:
    """A share; small ones are never rounded to nothing, nor large ones to everything."""
    if not whole:
        return "0%"
    share = 100 * part / whole
    if 0 < share < 0.1:
        return "under 0.1%"
    if 99.9 < share < 100:
        return "over 99.9%"
    return f"{share:.1f}%" if share not in (0, 100) else f"{share:.0f}%"


def count(many: int, noun: str) -> str:
    return f"{many:,} {noun}" if many == 1 else f"{many:,} {noun}s"


def listed(items: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def label(value: object, most: int = 80) -> str:
    """A name or a value on one line, cut to a length that a chart and a table can bear."""
    text = "".join(each if each.isprintable() else " " for each in str(value))
    return text if len(text) <= most else text[: most - 1] + "…"


def period(start: str, unit: str) -> str:
    """A point in time, as exact as its unit."""
    when = datetime.fromisoformat(start)
    if unit == "hour":
        return f"{when:%Y-%m-%d %H}:00"
    if unit == "month":
        return f"{when:%B %Y}"
    if unit == "year":
        return f"{when:%Y}"
    return ("the week of " if unit == "week" else "") + f"{when:%Y-%m-%d}"
