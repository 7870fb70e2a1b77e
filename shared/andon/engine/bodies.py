"""Step bodies: interruptible while they run, and never after.

A body runs in its caller's thread, which is one of ours. The interrupt is CPython's asynchronous exception
(`PyThreadState_SetAsyncExc`). Its danger is that one sent just before the body ends lands somewhere else. A gate
prevents that: the sender holds it while it sends, and the body takes it at its end, for good. So the body waits until
a send under way is over, none can follow, and what is pending then is cleared.

`time.sleep` in a body ends with an interrupt, once `let_sleepers_be_woken()` was called in the process: of all that
blocks in C it is the most common, and nothing else could wake it.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from functools import wraps
from typing import Any, SupportsIndex

from andon.engine.errors import Interrupted

_set_async_exc = ctypes.pythonapi.PyThreadState_SetAsyncExc
_set_async_exc.argtypes = (ctypes.c_ulong, ctypes.py_object)
_set_async_exc.restype = ctypes.c_int
_clear = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p)(
    ("PyThreadState_SetAsyncExc", ctypes.pythonapi)
)
_sleep = time.sleep


class _Here(threading.local):
    """What this thread is doing."""

    body: Body | None = None
    was_interrupted = False


_here = _Here()


class Body:
    """One call of user code. `call()` returns when it has ended; `interrupt()`, from another thread, ends it sooner."""

    def __init__(self, fn: Callable[[], Any], *, timeout: float | None = None) -> None:
        self._fn = fn
        self.deadline = None if timeout is None else time.monotonic() + timeout
        self._thread_id = 0
        self._done = False
        self._gate = threading.Lock()
        self._bed: threading.Lock | None = None
        self._value: Any = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[], object]] = []
        self._was_interrupted = False
        self.ended_at = 0.0

    def call(self) -> Any:
        """Run the code in this thread; return its value or raise what it raised. No interrupt is pending afterwards."""
        _here.body = self
        copy_context().run(self._main)  # what the code binds, such as its log's keys, ends with it
        _here.body = None
        if self._was_interrupted:
            _here.was_interrupted = True
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

    @property
    def is_prompt(self) -> bool:
        """Whether nothing but the exception is to be sent: a callback may take its time."""
        return not self._callbacks

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
                self._wake()
        finally:
            self._gate.release()

    def sleep(self, seconds: float) -> None:
        """Sleep, for the body's own code, until an interrupt is sent."""
        bed = threading.Lock()
        bed.acquire()
        # An interrupt sent before the next line has been delivered by then: the interpreter changes threads only
        # where it also looks for one.
        self._bed = bed
        bed.acquire(timeout=seconds)
        self._bed = None

    def _wake(self) -> None:
        bed = self._bed
        if bed is not None and bed.locked():
            bed.release()

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
        return threading.get_ident() == self._thread_id and not self._done


def was_interrupted() -> bool:
    """Whether a body was interrupted in this thread: what user code keeps per thread may be half done."""
    return _here.was_interrupted


def let_sleepers_be_woken() -> None:
    """From now on `time.sleep` in a body of this process ends with an interrupt. Elsewhere it is what it was."""
    time.sleep = _sleep_in_body


@wraps(_sleep)  # with its name, too: then it can be pickled for a step in isolation
def _sleep_in_body(seconds: float | SupportsIndex, /) -> None:
    body = _here.body
    if body is not None and isinstance(seconds, (int, float)) and 0 < seconds < threading.TIMEOUT_MAX:
        body.sleep(seconds)
    else:
        _sleep(seconds)
