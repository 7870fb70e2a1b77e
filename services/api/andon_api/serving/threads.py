"""Threads that callers take turns at: one who asks for much waits for itself, and nobody else does."""

import math
import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from andon_api.serving.callers import Caller

T = TypeVar("T")
Task = tuple[Callable[[], T], "Future[T]"]


class FairThreads(Generic[T]):
    """So many threads. Where callers are known, none has more than half: another's request is begun at once."""

    def __init__(self, threads: int, name: str) -> None:
        self._free = threads
        self._most_each = max(1, threads // 2)
        self._pool = ThreadPoolExecutor(threads, name)
        self._changed = threading.Condition()
        self._waiting: dict[Caller, deque[Task[T]]] = {}
        self._running: Counter[Caller] = Counter()
        self._knows_some = False

    def submit(self, caller: Caller, act: Callable[[], T]) -> Future[T]:
        """Call it when its caller's turn has come."""
        future: Future[T] = Future()
        with self._changed:
            self._knows_some |= caller.known
            self._waiting.setdefault(caller, deque()).append((act, future))
            self._begin()
        return future

    def shutdown(self) -> None:
        """Return when all that was submitted is done."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._running)
        self._pool.shutdown()

    def _begin(self) -> None:
        while self._free and (caller := self._next()) is not None:
            tasks = self._waiting.pop(caller)
            act, future = tasks.popleft()
            if tasks:
                self._waiting[caller] = tasks  # behind all others
            self._free -= 1
            self._running[caller] += 1
            self._pool.submit(self._run, caller, act, future)

    def _next(self) -> Caller | None:
        most = self._most_each if self._knows_some else math.inf
        return next((each for each in self._waiting if self._running[each] < most), None)

    def _run(self, caller: Caller, act: Callable[[], T], future: Future[T]) -> None:
        try:
            done = act()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(done)
        finally:
            with self._changed:
                self._free += 1
                self._running[caller] -= 1
                if not self._running[caller]:
                    del self._running[caller]
                self._begin()
                self._changed.notify_all()
