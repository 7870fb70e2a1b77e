"""Takes in what lanes print. It belongs to the loop's thread.

A lane that prints wakes nobody: it is looked at now and then, and its lines are taken by the end of their step at the
latest, so that what a quick step prints is one piece.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable

from andon_worker.supervisor.hosting.lanes import Lane
from andon_worker.supervisor.hosting.loop import Loop
from andon_worker.supervisor.output.lines import STREAMS
from andon_worker.wire import unread

log = logging.getLogger(__name__)
_READ = 1 << 16
_MUCH = _READ // 2
TOGETHER_SECONDS = 0.02
QUIET_SECONDS = 1.0


class Prints:
    """Reads the standard output and error of every lane, so much at a time that one that prints without end delays
    nobody.
    """

    def __init__(self, loop: Loop, heard: Callable[[Lane], object]) -> None:
        """`heard` takes in what a lane has said before: whose step it is that prints."""
        self._loop = loop
        self._heard = heard
        self._talking: dict[Lane, float] = {}
        """When something that was printed was last taken of those that are looked at, by the monotonic clock."""
        self._looking = False

    def watch(self, lane: Lane) -> None:
        """Listen to a new lane."""
        self._listen(lane)
        self._listen_to_errors(lane)

    def unwatch(self, lane: Lane) -> None:
        """It is gone."""
        self._loop.forget(lane.out)
        self._loop.forget(lane.err)
        self._talking.pop(lane, None)

    def take_all(self, lane: Lane) -> None:
        """Take in what was printed until now, before what follows begins; of a flood only so much."""
        for stream, descriptor in zip(STREAMS, (lane.out, lane.err), strict=True):
            for _ in range(8):
                if (self._take(lane, stream, descriptor) or 0) < _READ:
                    break

    def _listen(self, lane: Lane) -> None:
        def talks() -> None:
            self._loop.forget(lane.out)
            self._talking[lane] = time.monotonic()
            self._look_soon(TOGETHER_SECONDS)

        self._loop.watch(lane.out, talks)

    def _look_soon(self, pause: float) -> None:
        if not self._looking:
            self._looking = True
            self._loop.after(pause, self._look_around)

    def _look_around(self) -> None:
        """Take in what lanes have printed; one that has been quiet for a while is listened to again."""
        self._looking, pause = False, TOGETHER_SECONDS
        now = time.monotonic()
        for lane, talked_at in [*self._talking.items()]:
            if lane not in self._talking or now - talked_at < TOGETHER_SECONDS:  # ended by one before it; just taken
                continue
            if unread(lane.out):
                if (self._hear(lane, "stdout", lane.out) or 0) >= _MUCH:
                    self._talking[lane], pause = 0.0, 0.0  # there is more
            elif now - talked_at > QUIET_SECONDS:
                del self._talking[lane]
                self._listen(lane)
        if self._talking:
            self._look_soon(pause)

    def _listen_to_errors(self, lane: Lane) -> None:
        """What comes there is taken at once, behind what was printed before it: programs write there, between lines
        that are printed. Then it gets a moment.
        """

        def drain() -> None:
            self._hear(lane, "stdout", lane.out)
            count = self._hear(lane, "stderr", lane.err)
            if count is None or count < _MUCH:
                self._loop.forget(lane.err)
            if count is not None and count < _MUCH:
                self._loop.after(TOGETHER_SECONDS, lambda: self._listen_to_errors(lane))

        if lane.watched:
            self._loop.watch(lane.err, drain)

    def _hear(self, lane: Lane, stream: str, descriptor: int) -> int | None:
        self._heard(lane)
        return self._take(lane, stream, descriptor) if lane.watched else None

    def _take(self, lane: Lane, stream: str, descriptor: int) -> int | None:
        """How many bytes there were; None where there will be no more."""
        try:
            data = os.read(descriptor, _READ)
        except BlockingIOError:  # its step's end has taken it
            return 0
        if data and lane in self._talking:
            self._talking[lane] = time.monotonic()
        if data and lane.run is not None:
            lane.run.output.feed(stream, data)
            lane.run.output.take()
        elif data:
            log.warning("a lane without a run says: %s", data[-1_000:].decode(errors="replace"))
        return len(data) or None
