"""Step bodies: in a thread of our own, interruptible while they run and never after.

Each calling thread keeps one such thread for its bodies, until one of them was interrupted: then it is thrown away.

The interrupt is CPython's asynchronous exception (`PyThreadState_SetAsyncExc`). Its danger is that one sent just
before the body ends lands somewhere else. A gate prevents that: the sender holds it while it sends, and the body
takes it at its end, for good. So the body waits until a send under way is over, none can follow, and what is pending
then is cleared.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from typing import Any

from andon.engine.errors import Interrupted

_set_async_exc = ctypes.pythonapi.PyThreadState_SetAsyncExc
_set_async_exc.argtypes = (ctypes.c_ulong, ctypes.py_object)
_set_async_exc.restype = ctypes.c_int
_clear = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p)(
    ("PyThreadState_SetAsyncExc", ctypes.pythonapi)
)


class Body:
    """One call of user code. `call()` blocks the caller until the code has ended; `interrupt()` ends it sooner."""

    def __init__(self, fn: Callable[[], Any], *, timeout: float | None = None) -> None:
        self._fn = fn
        self.deadline = None if timeout is None else time.monotonic() + timeout
        self._thread_id = 0
        self._done = False
        self._gate = threading.Lock()
        self._value: Any = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[], object]] = []
        self._was_interrupted = False
        self.ended_at = 0.0

    def call(self) -> Any:
        """Run the code in another thread and wait for it; return its value or raise what it raised."""
        lane: _Lane = getattr(_own, "lane", None) or _Lane()
        _own.lane = None
        context = copy_context()  # what the caller has bound, such as its log's keys, holds in the body too
        lane.run(lambda: context.run(self._main))
        if not self._was_interrupted:
            _own.lane = lane
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # break the cycle of exception and frame
        return self._value

    def _main(self) -> None:
        # CPython delivers an asynchronous exception when a function starts, when a call returns and when a loop
        # jumps back, and nowhere else. So none can come between the code's end and the gate, nor between the gate
        # and the clearing: keep these lines free of calls and loops, `suppress` included.
        try:
            self._thread_id = threading.get_ident()
            self._value = self._fn()
        except BaseException as error:
            self._error = error
        self._done = True
        try:  # noqa: SIM105
            self._gate.acquire()
        except Interrupted:
            pass  # after the gate was taken: this one was pending
        _clear(self._thread_id, None)
        self.ended_at = time.monotonic()

    @property
    def ended(self) -> bool:
        """Whether the code has ended; no interrupt is delivered any more."""
        return self._done

    def interrupt(self) -> None:
        """Call the callbacks and send the exception, from another thread. One may be swallowed: call it again."""
        if self._done or not self._gate.acquire(blocking=False):
            return  # it has ended, or somebody else sends
        try:
            for callback in tuple(self._callbacks):
                with suppress(Exception):  # the connection may just have been closed; the exception still goes
                    callback()
            if self._thread_id and not self._done:
                self._was_interrupted = True
                _set_async_exc(self._thread_id, Interrupted)
        finally:
            self._gate.release()

    @contextmanager
    def interrupt_with(self, callback: Callable[[], object]) -> Iterator[None]:
        """While the block runs, `interrupt()` calls `callback` too."""
        self._callbacks.append(callback)
        try:
            yield
        finally:
            self._callbacks.remove(callback)

    @property
    def is_current_thread(self) -> bool:
        """Whether the caller is this body's own code."""
        return threading.get_ident() == self._thread_id


class _Lane:
    """A thread that runs one body after the other for the thread that made it, and ends with it.

    Starting a thread for every body would be a sixth of what a short step costs.
    """

    def __init__(self) -> None:
        self._work: list[Callable[[], object] | None] = []
        self._ready = threading.Lock()
        self._ended = threading.Lock()
        self._ready.acquire()
        self._ended.acquire()
        # The thread holds no reference to the lane, so that the lane goes when its owner does.
        arguments = (self._work, self._ready, self._ended)
        threading.Thread(target=_take, args=arguments, daemon=True, name="andon-body").start()

    def run(self, main: Callable[[], object]) -> None:
        """Run `main`, which raises nothing, in the lane's thread and wait for it."""
        self._work.append(main)
        self._ready.release()
        self._ended.acquire()

    def __del__(self) -> None:
        self._work.append(None)
        self._ready.release()


def _take(work: list[Callable[[], object] | None], ready: threading.Lock, ended: threading.Lock) -> None:
    while True:
        ready.acquire()
        main = work.pop()
        if main is None:
            return
        main()
        main = None  # nothing of the body outlives it here
        ended.release()


_own = threading.local()
