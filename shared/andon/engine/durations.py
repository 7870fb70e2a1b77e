"""Durations as people write them: `90s`, `15m`, `2h`, `30d`, `1w`."""

import datetime as dt
import re

LONGEST = dt.timedelta(days=36_500)  # added to any moment it stays one that Postgres and Python can tell

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_SHOWN = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def read(text: str) -> dt.timedelta:
    """What the text says; raises `ValueError` with what was expected."""
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*([smhdw])", text.strip())
    if found is None:
        raise ValueError(f"expected a duration such as 90s, 15m, 2h, 30d or 1w, got {text[:40]!r}")
    duration = dt.timedelta(seconds=float(found[1]) * _SECONDS[found[2]])
    if duration > LONGEST:
        raise ValueError(f"expected a duration of {LONGEST.days}d at most, got {text!r}")
    return duration


def written(duration: dt.timedelta) -> str:
    """As `read` takes it, in the largest unit of which it is a whole number."""
    seconds = duration.total_seconds()
    size, unit = next((each for each in _SHOWN if seconds % each[0] == 0 and seconds), _SHOWN[-1])
    return f"{seconds / size:g}{unit}"
