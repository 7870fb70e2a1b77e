"""How often something may happen: one time per key is all that is kept, the one at which the next is due by the rate.

It is the generic cell rate algorithm: nothing is counted, and nothing has to be forgotten.
"""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """One every `every`, and up to `burst` of them ahead of their time."""

    every: dt.timedelta
    burst: int = 0

    def free(self, tat: dt.datetime | None, now: dt.datetime) -> int:
        """How many may happen now, where the next one is due at `tat`."""
        ahead = max(tat or now, now) - now
        room = self.burst * self.every - ahead
        return 0 if room < dt.timedelta(0) else room // self.every + 1

    def spend(self, tat: dt.datetime | None, now: dt.datetime, count: int) -> dt.datetime:
        """When the next one is due after so many more."""
        return max(tat or now, now) + count * self.every

    def opens_at(self, tat: dt.datetime) -> dt.datetime:
        """From when on one may happen again."""
        return tat - self.burst * self.every
