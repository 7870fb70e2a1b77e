"""Debounce: of events that follow each other closely, the newest starts a run, once it has been quiet for a while."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

LONGEST = dt.timedelta(days=7)
SHORTEST = dt.timedelta(seconds=1)
TIMES = 10
"""Periods after which a run begins however many events come, where nothing else is said."""


@dataclass(frozen=True)
class Debounce:
    """Start a run `period` after the newest of the events that have the same `key`, for that event alone.

    `key` is a path such as `data.docId`, or CEL over `event`; without one all events of the function count together. It
    begins `at_most` that long after the first of them, whatever comes: ten periods, unless it is said.
    """

    period: dt.timedelta
    key: str | None = None
    at_most: dt.timedelta | None = None

    @property
    def longest(self) -> dt.timedelta:
        """How long after the first event it begins at the latest."""
        return TIMES * self.period if self.at_most is None else self.at_most


def debounce_fault(value: Any) -> str | None:
    """What is wrong with a function's `debounce`, or None, but for its key."""
    if not isinstance(value, Debounce):
        return "expected Debounce(period)"
    if not isinstance(value.period, dt.timedelta) or not SHORTEST <= value.period <= LONGEST:
        return f"period={value.period!r:.40}: expected a datetime.timedelta from a second to {LONGEST.days} days"
    if value.at_most is None:
        return None
    if not isinstance(value.at_most, dt.timedelta) or not value.period <= value.at_most <= TIMES * LONGEST:
        return f"at_most={value.at_most!r:.40}: expected a datetime.timedelta of at least the period"
    return None
