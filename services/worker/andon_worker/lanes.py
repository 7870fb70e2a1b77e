"""Threads of our own in which runs are executed, one beside each of Dramatiq's.

A late interrupt in one of Dramatiq's threads would end it, and nobody would notice: so none of our code that can be
interrupted runs there. A lane serves one run after the other, until a body in it was interrupted: what user code keeps
per thread may be half done then, and the next run gets a new thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from andon.engine.bodies import was_interrupted


class Lanes:
    """`run(call)` calls it in the lane of the calling thread, which waits, and lives on whatever happens there."""

    def __init__(self) -> None:
        self._own = threading.local()

    def run(self, call: Callable[[], object]) -> None:
        """Returns when the call has; raises what it raised."""
        lane: _Lane | None = getattr(self._own, "lane", None)
        if lane is None:
            lane = self._own.lane = _Lane()
        lane.run(call)
        if lane.is_spent:
            lane.wait_for_end()  # what its thread leaves, such as a connection, is there for the next one
            self._own.lane = None
        lane.raise_error()


def _locked() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass
class _Desk:
    """What a lane and its thread share. The thread holds no reference to the lane, which goes when its owner does."""

    ready: threading.Lock = field(default_factory=_locked)
    ended: threading.Lock = field(default_factory=_locked)
    call: Callable[[], object] | None = None
    error: BaseException | None = None
    is_spent: bool = False


class _Lane:
    def __init__(self) -> None:
        self._desk = _Desk()
        self._thread = threading.Thread(target=_work, args=(self._desk,), daemon=True, name="andon-lane")
        self._thread.start()

    @property
    def is_spent(self) -> bool:
        return self._desk.is_spent

    def run(self, call: Callable[[], object]) -> None:
        desk = self._desk
        desk.call = call
        desk.ready.release()
        desk.ended.acquire()

    def raise_error(self) -> None:
        error, self._desk.error = self._desk.error, None
        if error is not None:
            raise error

    def wait_for_end(self) -> None:
        self._thread.join()

    def __del__(self) -> None:
        self._desk.ready.release()


def _work(desk: _Desk) -> None:
    while not desk.is_spent:
        desk.ready.acquire()
        if desk.call is None:
            return
        try:
            desk.call()
        except BaseException as error:
            desk.error = error
        desk.call = None  # nothing of the run outlives it here
        desk.is_spent = was_interrupted()
        desk.ended.release()
