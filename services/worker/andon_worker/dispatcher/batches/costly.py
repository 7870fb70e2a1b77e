"""Tenants whose entries were too much at once: each one's come alone, so many as go in a short time.

Whoever was in a batch that was too much is one of them, until a batch of its own has shown that it costs little.
"""

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from andon_worker.dispatcher.batches.size import LONG_BESIDE_SECONDS, LONG_SECONDS, MOST

IDLE_SECONDS = 10.0
"""After so long without an entry a tenant is as any other."""


@dataclass
class _Costly:
    """How many of a tenant's entries are taken at once, and when again, while others send, too."""

    most: int
    rests_until: float


class Costly:
    """Which tenants they are, and whose turn is next. Their entries are held by a `Sharing`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tenants: dict[str, _Costly] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._tenants)

    def __len__(self) -> int:
        return len(self._tenants)

    def __contains__(self, tenant: object) -> bool:
        return tenant in self._tenants

    def was_too_much(self, tenants: Collection[str], entries: int) -> None:
        """So many of theirs together were not handled, for their number, size or time."""
        for tenant in tenants:
            each = self._tenants.setdefault(tenant, _Costly(MOST, self._clock()))
            each.most = max(1, min(each.most, entries // 4))

    def next(self, held: Collection[str], *, beside: bool) -> tuple[str, int] | None:
        """Whose turn it is among those of whom entries are `held`, and how many to take; the others' turns are next.

        While others send, too (`beside`), whoever had a turn rests for as long as that took.
        """
        self._forget_idle(held)
        now = self._clock()
        for tenant, each in self._tenants.items():
            if tenant in held and (now >= each.rests_until or not beside):
                self._tenants[tenant] = self._tenants.pop(tenant)  # behind all others
                return tenant, each.most
        return None

    def rest(self, held: Collection[str]) -> float:
        """For how many seconds all of whom entries are `held` rest; 0 where there are others."""
        if not all(tenant in self._tenants for tenant in held):
            return 0.0
        return max(0.0, min((self._tenants[tenant].rests_until for tenant in held), default=0.0) - self._clock())

    def _forget_idle(self, held: Collection[str]) -> None:
        before = self._clock() - IDLE_SECONDS
        for tenant in [t for t, each in self._tenants.items() if t not in held and each.rests_until < before]:
            del self._tenants[tenant]

    def took(self, tenant: str, entries: int, seconds: float, *, handled: bool, left: bool) -> None:
        """So many took so many seconds, were `handled` or not, and it has more or nothing `left`."""
        if tenant not in self._tenants:
            return
        each = self._tenants[tenant]
        each.rests_until = self._clock() + seconds
        if handled:
            each.most = max(1, min(MOST, each.most * 2, round(entries * LONG_BESIDE_SECONDS / max(seconds, 1e-3))))
            if seconds < LONG_SECONDS and (not left or each.most >= MOST // 2):
                del self._tenants[tenant]
