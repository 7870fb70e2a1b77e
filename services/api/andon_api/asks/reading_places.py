"""Places at which uploads are read, which tenants take turns at, and the room to wait for one."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from andon_api.http.problems import Problem

PATIENCE_SECONDS = 20.0  # for a place
LOOK_SECONDS = 0.1
REMEMBERED = 1000  # tenants: any other counts as one of which nothing was read yet

Left = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class Waiting:
    """An upload that waits for a place."""

    tenant: str


class ReadingPlaces:
    """So many `at_once`, and `waiting` for them; of one tenant at most `at_once_each` and `waiting_each`.

    Those come first whose tenant has least that is being read or waited before; of these, whose tenant was read longest
    ago. Where the room to wait is full, whoever comes last in this order goes, also one who waits already.
    """

    def __init__(self, at_once: int, at_once_each: int, waiting: int, waiting_each: int) -> None:
        self._at_once, self._at_once_each = at_once, at_once_each
        self._room, self._room_each = waiting, waiting_each
        self._changed = threading.Condition()
        self._waiting: list[Waiting] = []
        self._reading: Counter[str] = Counter()
        self._read: dict[str, float] = {}  # when, by tenant; the one that was read longest ago first

    @contextmanager
    def place(self, tenant: str, left: Left) -> Iterator[None]:
        """A place while the block lasts. Raises a `Problem` where there is no room, or the client has left."""
        mine = Waiting(tenant)
        with self._changed:
            try:
                self._begin_to_wait(mine)
                self._await_turn(mine, left)
                self._reading[tenant] += 1
            finally:
                self._waiting = [each for each in self._waiting if each is not mine]
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._reading -= Counter([tenant])
                self._remember(tenant)
                self._changed.notify_all()

    def _begin_to_wait(self, mine: Waiting) -> None:
        if sum(each.tenant == mine.tenant for each in self._waiting) >= self._room_each:
            raise _busy()
        self._waiting.append(mine)
        if len(self._waiting) > self._room:
            self._waiting.remove(self._in_turn()[-1])
            self._changed.notify_all()

    def _await_turn(self, mine: Waiting, left: Left) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while mine is not self._next():
            if left():
                raise client_left()
            if mine not in self._waiting or time.monotonic() >= until:
                raise _busy()
            self._changed.wait(LOOK_SECONDS)

    def _next(self) -> Waiting | None:
        """Whose turn it is; None while no place is free for anybody."""
        if self._reading.total() >= self._at_once:
            return None
        return next((each for each in self._in_turn() if self._reading[each.tenant] < self._at_once_each), None)

    def _in_turn(self) -> list[Waiting]:
        """Those who wait, in the order in which they are read."""
        ahead, ranks = Counter(self._reading), {}
        for each in self._waiting:
            ranks[each] = (ahead[each.tenant], self._read.get(each.tenant, 0.0))
            ahead[each.tenant] += 1
        return sorted(ranks, key=ranks.__getitem__)

    def _remember(self, tenant: str) -> None:
        self._read.pop(tenant, None)
        self._read[tenant] = time.monotonic()
        if len(self._read) > REMEMBERED:
            del self._read[next(iter(self._read))]


def client_left() -> Problem:
    """The answer to whoever has gone, which nobody reads."""
    return Problem(408, "Nobody waits for the answer any more.")


def _busy() -> Problem:
    return Problem(503, "Enough uploads are being read; try again.", headers={"Retry-After": "5"})
