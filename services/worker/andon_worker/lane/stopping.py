"""How an order to stop reaches a lane: a datagram that says what, and a signal that says look."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType

from andon.engine.stops import SIGNAL, Cause, Stop


class Orders:
    """The orders that come while `stop`, the current run's, is in force; those of other runs are late, and nothing."""

    def __init__(self, inbox: socket.socket) -> None:
        inbox.setblocking(False)
        self.inbox = inbox
        self._run: tuple[str, int] | None = None
        self._stop: LaneStop | None = None

    def begin(self, run_id: str, fence: int) -> LaneStop:
        """From now on orders for this run are obeyed. Called in the main thread; sets the handler anew."""
        self._run = run_id, fence
        self._stop = LaneStop(self)
        signal.signal(SIGNAL, self._look)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [SIGNAL])
        return self._stop

    def end(self) -> None:
        """The run is over."""
        self._run = self._stop = None

    def read(self) -> None:
        """Take in what has come; from the signal handler, or a helper of the same run."""
        while True:
            try:
                order = json.loads(self.inbox.recv(4096) or b"null")
            except (BlockingIOError, OSError, ValueError):
                return
            if order is None:
                return
            stop = self._stop
            if stop is not None and (order["run"], order["fence"]) == self._run:
                stop.last = stop.last or order["last"]
                stop.order(Cause(order["cause"]))

    def _look(self, number: int, frame: FrameType | None) -> None:
        self.read()
        if self._stop is not None:
            self._stop.deliver(last=self._stop.last)


class LaneStop(Stop):
    """A run's order to stop, in the process that runs it."""

    def __init__(self, orders: Orders) -> None:
        main = threading.main_thread().ident
        assert main is not None
        super().__init__(lambda: signal.pthread_kill(main, SIGNAL))
        self.last = False
        self._orders = orders
        self._wakes: dict[int, int] = {}
        self._deaf = False

    def obey_the_signal_alone(self) -> None:
        """In a process forked for a part of the run: it has no orders of its own, and the signal means stop."""
        self._deaf = True
        signal.signal(SIGNAL, self._ordered)

    def _ordered(self, number: int, frame: FrameType | None) -> None:
        self.order(Cause.TIMEOUT)
        self.deliver(last=True)

    def _wait_for_order(self, left: threading.Event) -> None:
        """On the socket itself: the signal's handler doesn't run while the main thread is in C."""
        if self._deaf:
            super()._wait_for_order(left)
            return
        looking, waking = os.pipe()
        self._wakes[id(left)] = waking
        try:
            while self.cause is None and not left.is_set():
                select.select([self._orders.inbox.fileno(), looking], [], [])
                if not left.is_set():
                    self._orders.read()
        finally:
            del self._wakes[id(left)]
            os.close(looking)
            os.close(waking)

    def _wake_helper(self, left: threading.Event) -> None:
        waking = self._wakes.get(id(left))
        if waking is not None:
            os.write(waking, b"x")


def forget_in_children(*closing: Callable[[], object]) -> None:
    """A process that user code forks has no part in the lane's conversation, and no ear for its orders."""

    def after_in_child() -> None:
        signal.signal(SIGNAL, signal.SIG_DFL)
        for close in closing:
            close()

    os.register_at_fork(after_in_child=after_in_child)
