"""Lanes as their supervisor has them: made ahead, given a run, used again or thrown away."""

from __future__ import annotations

import itertools
import json
import os
import select
import signal
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from andon.engine.stops import SIGNAL, Cause
from andon_worker.lane.progress import SharedProgress, make_page
from andon_worker.supervisor.hosting.loop import Loop
from andon_worker.wire import Channel

if TYPE_CHECKING:
    from andon_worker.supervisor.hosting.hosts import Run

Key = tuple[str, str]
"""Tenant and function: a lane serves runs of one pair only."""
RETIRE_SECONDS = 2.0
STILLBORN_SECONDS = 1.0
ASK_SECONDS, MISSED_SECONDS = (0.2, 1.0, 5.0), 10.0
"""When a lane has ended and its nursery hasn't said so, something may trace it; and when that hangs: it gives up sooner
on what a lane has left."""


class Nursery(Protocol):
    """Where lanes come from."""

    replaces: bool
    """Whether it stands for one that has died, and a nurse is each lane's parent."""

    def bear(self, lane: int, descriptors: list[int]) -> None: ...

    def signal(self, pid: int, number: int) -> None: ...

    def hangs(self) -> None: ...


class Lane:
    """A process that runs one run at a time. It has ended when the nursery says so, and never by a closed socket."""

    def __init__(self, number: int, nursery: Nursery) -> None:
        self.number = number
        self._nursery = nursery
        self.has_nurse = nursery.replaces
        ours, theirs = socket.socketpair()
        self._orders, orders = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._orders.setblocking(False)
        self.out, out = os.pipe()
        self.err, err = os.pipe()
        for each in (self.out, self.err):
            os.set_blocking(each, False)
        page = make_page()
        self.progress = SharedProgress(os.dup(page))
        self.progress.clear()
        self.talk = Channel(ours)
        self.theirs = [theirs.detach(), orders.detach(), page, out, err]
        self.pid: int | None = None
        self.descriptor: int | None = None
        self.run: Run | None = None
        self.given_up: Run | None = None
        """A run that was lost, and whose code even a kill doesn't end."""
        self.key: Key | None = None
        self.runs = 0
        self.watched = False
        self.spent = False
        """Whether it was told to stop: it is never used again."""

    def give_away(self) -> None:
        """Close the other side's ends: the nursery has copies."""
        for each in self.theirs:
            os.close(each)
        self.theirs = []

    def order(self, run_id: str, fence: int, cause: Cause, *, last: bool) -> None:
        """Tell its code to stop: a datagram that says what, a signal that says look."""
        self.spent = True
        said = {"run": run_id, "fence": fence, "cause": int(cause), "last": last}
        with suppress(OSError):
            self._orders.send(json.dumps(said).encode())
        self._signal(SIGNAL)

    def kill(self) -> None:
        """SIGKILL for the process; what it started is ended by the nursery."""
        self.spent = True
        self._signal(signal.SIGKILL)

    @property
    def has_ended(self) -> bool:
        """Whether its process has, where that can be seen; what it has started may go on."""
        if self.descriptor is None:
            return False
        looking = select.poll()  # `select` knows no descriptor beyond 1,023
        looking.register(self.descriptor, select.POLLIN)
        return bool(looking.poll(0))

    def _signal(self, number: int) -> None:
        if self.descriptor is not None:
            with suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(self.descriptor, number)
        elif self.pid is not None:  # who reaps it alone knows whether the number is still its own
            self._nursery.signal(self.pid, number)

    def close(self) -> None:
        """It is gone: close what we have of it."""
        self.talk.close()
        self._orders.close()
        os.close(self.out)
        os.close(self.err)
        self.progress.close()
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
        self.give_away()


@dataclass(eq=False)
class Lanes:
    """Keeps `spares` lanes ready, and up to `idle` that have served a run for others like it: of more, the one that has
    idled longest is retired. That is a count and no time: a lane idles as long as nothing pushes it out.

    All of it belongs to the loop's thread. `watch(lane)` is called for each that is born, `unwatch(lane)` when it is
    gone, and `ended(lane, status)` then; status None: with its nursery.
    """

    loop: Loop
    spares: int
    idle: int
    watch: Callable[[Lane], None]
    unwatch: Callable[[Lane], None]
    ended: Callable[[Lane, int | None], None]
    nursery: Nursery | None = None

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self._unborn: dict[int, Lane] = {}
        self._living: dict[int, Lane] = {}
        self._new: list[Lane] = []
        self._used: list[Lane] = []
        self._waiting: deque[tuple[Key, Callable[[Lane], None]]] = deque()

    def take(self, key: Key, fresh: bool, use: Callable[[Lane], None]) -> None:
        """Call `use` with a lane for a run of this tenant and function: now, or when one is born."""
        lane = None if fresh else self._again(key)
        if lane is None and self._new:
            lane = self._new.pop()
        if lane is None:
            self._waiting.append((key, use))
        else:
            lane.key = key
            use(lane)
        self._make_more()

    def _again(self, key: Key) -> Lane | None:
        for place in range(len(self._used) - 1, -1, -1):
            if self._used[place].key == key:
                return self._used.pop(place)
        return None

    def give_back(self, lane: Lane) -> None:
        """It can serve another run like the last."""
        lane.run = None
        self._used.append(lane)
        if len(self._used) > self.idle:
            self._retire(self._used.pop(0))

    def discard(self, lane: Lane) -> None:
        """End it, and all that it has started."""
        lane.spent = True
        if lane.pid is not None:
            lane.kill()
            self.expect_end(lane)

    def expect_end(self, lane: Lane) -> None:
        """It is ending: its nursery is to say so."""
        for seconds in ASK_SECONDS:
            self.loop.after(seconds, lambda: self._ask_for(lane))
        self.loop.after(MISSED_SECONDS, lambda: self._miss(lane))

    def _ask_for(self, lane: Lane) -> None:
        """Its code may have its parent traced, so that nobody tells of its end."""
        if self.nursery is not None and self.lives(lane) and lane.has_ended:
            self.nursery.signal(lane.pid or 0, signal.SIGKILL)

    def _miss(self, lane: Lane) -> None:
        if self.nursery is not None and self.lives(lane) and lane.has_ended:
            self.nursery.hangs()

    def _retire(self, lane: Lane) -> None:
        """Let it go in peace: what runs at a program's exit runs."""
        lane.spent = True
        lane.talk.send({"say": "retire"})
        self.loop.after(RETIRE_SECONDS, lambda: self.discard(lane) if self.lives(lane) else None)

    def _make_more(self) -> None:
        wanted = self.spares + len(self._waiting) - len(self._new) - len(self._unborn)
        for _ in range(wanted):
            if self.nursery is None:
                return
            lane = Lane(next(self._numbers), self.nursery)
            self._unborn[lane.number] = lane
            self.nursery.bear(lane.number, lane.theirs)
            lane.give_away()

    # --- what the nursery says -----------------------------------------------------------------------------------

    def opened(self, nursery: Nursery) -> None:
        """There is a nursery that bears lanes."""
        self.nursery = nursery
        self._make_more()

    def born(self, number: int, pid: int, descriptor: int | None) -> None:
        """A lane that was asked for."""
        lane = self._unborn.pop(number)
        lane.pid, lane.descriptor = pid, descriptor
        self._living[pid] = lane
        self.watch(lane)
        if self._waiting:
            lane.key, use = self._waiting.popleft()
            use(lane)
        else:
            self._new.append(lane)

    def unborn(self, number: int, why: str) -> None:
        """It could not be made; those who wait go on waiting for another."""
        lane = self._unborn.pop(number, None)
        if lane is not None:
            lane.close()
            self.loop.after(0.5, self._make_more)

    def gone(self, pid: int, status: int, *, orphaned: bool = False) -> None:
        """A lane and all that it had started has ended; `orphaned`, because its code has killed its parent."""
        lane = self._living.pop(pid, None)
        if lane is not None:
            if orphaned and lane.run is not None and lane.run.killed_for is None:
                lane.run.killed_for = "it killed its parent"
            self._bury(lane, status)
            if lane.runs or lane.spent:
                self._make_more()
            else:  # it died before it could serve, and so may the next one
                self.loop.after(STILLBORN_SECONDS, self._make_more)

    def all_gone(self) -> None:
        """The nursery has ended, and with it every lane."""
        for lane in self._forget():
            self._bury(lane, None)

    def close(self) -> None:
        """The nursery has ended, and nobody needs to know what became of its lanes."""
        for lane in self._forget():
            lane.close()

    def _forget(self) -> list[Lane]:
        self.nursery = None
        for lane in self._unborn.values():
            lane.close()
        living = [*self._living.values()]
        self._unborn.clear()
        self._living.clear()
        return living

    def _bury(self, lane: Lane, status: int | None) -> None:
        for among in (self._new, self._used):
            if lane in among:
                among.remove(lane)
        self.ended(lane, status)
        self.unwatch(lane)
        lane.close()

    def lives(self, lane: Lane) -> bool:
        """Whether it was born and isn't gone yet."""
        return lane.pid in self._living
