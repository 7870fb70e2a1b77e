"""Small charts: numbers as bars of one height."""

import datetime as dt
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from andon_api.database import Row

MINUTES = 60
HEIGHT = 40.0
MOST_CANCELS = 60


@dataclass(frozen=True)
class Chart:
    """Bars from 0 to `HEIGHT`, and in words what they show."""

    bars: list[float]
    words: str


def depth(times: Sequence[Row], now: dt.datetime) -> Chart:
    """How many runs waited to be started, at each minute of the last hour."""
    queued = sorted(each["queued_at"] for each in times)
    taken = sorted(each["taken_at"] for each in times if each["taken_at"] is not None)
    moments = [now - dt.timedelta(minutes=ago) for ago in range(MINUTES - 1, -1, -1)]
    depths = [float(bisect_right(queued, each) - bisect_right(taken, each)) for each in moments]
    return Chart(_scaled(depths), f"{depths[-1]:,.0f} now, {max(depths):,.0f} at most")


def latency(seconds: Sequence[float]) -> Chart:
    """How long each of the last cancels took until the code had stopped."""
    if not seconds:
        return Chart([], "nothing that ran was cancelled yet")
    ranked = sorted(seconds)
    half, most = ranked[len(ranked) // 2], ranked[-1]
    bars = [0.0] * (MOST_CANCELS - len(seconds)) + _scaled(seconds)
    return Chart(bars, f"half within {_short(half)}, {_short(most)} at most, of {len(seconds)}")


def _scaled(values: Sequence[float]) -> list[float]:
    highest = max([*values, 0.0]) or 1.0
    return [round(max(value, 0.0) / highest * HEIGHT, 1) for value in values]


def _short(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
