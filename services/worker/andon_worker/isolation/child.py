"""The child's side: load modules, then serve one call after the other until the worker hangs up."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

from structlog.contextvars import bound_contextvars

from andon.adapters.tracing import start_tracing
from andon.engine.errors import Interrupted
from andon.logs import configure_logging
from andon.settings import Settings
from andon_worker.isolation.messages import decode_call, encode_error, encode_value

if TYPE_CHECKING:
    from andon.adapters.tracing.spans import Tracing

T = TypeVar("T")
PR_SET_PDEATHSIG = 1
OOM_SCORE = "500"  # when memory runs out, the step goes before the worker and its other runs


def serve(descriptor: int, parent: int, preload: Sequence[str]) -> None:
    """Answer the calls that come over the socket `descriptor`; returns when `parent` closes its end."""
    _end_with(parent)
    os.set_inheritable(descriptor, False)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    configure_logging("worker", Settings.from_env(os.environ).log_level)
    tracing = start_tracing("worker", os.environ)
    for module in preload:
        with suppress(Exception):  # the step that needs it will say so
            import_module(module)
    orders = Orders()
    with suppress(EOFError, OSError, Interrupted), Connection(descriptor) as connection:
        while True:
            message = orders.obeyed(connection.recv_bytes)
            connection.send_bytes(_answer(message, orders, tracing))
    if tracing is not None:
        tracing.close()


class Orders:
    """SIGTERM as an exception, raised once and only while `obeyed` runs: so that no answer is cut in two.

    SIGINT is ignored: Ctrl-C in a terminal is the worker's business.
    """

    def __init__(self) -> None:
        self._open = False
        self._given = False
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._deliver)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])

    def obeyed(self, fn: Callable[[], T]) -> T:
        """Call `fn`; `Interrupted` ends it, at once if the signal has come before."""
        signal.signal(signal.SIGTERM, self._deliver)  # the last call may have set its own
        self._open = True
        try:
            if self._given:
                raise Interrupted
            return fn()
        finally:
            self._open = False

    def _deliver(self, number: int, frame: FrameType | None) -> None:
        self._given = True
        if self._open:
            self._open = False
            raise Interrupted


def _answer(message: bytes, orders: Orders, tracing: Tracing | None) -> bytes:
    def obey() -> tuple[str, Any]:
        call = decode_call(message)
        joined = tracing.joined(call.traceparent) if tracing and call.traceparent else nullcontext()
        with bound_contextvars(**call.log_keys), joined:
            return call.step, call.fn(*call.args, **call.kwargs)

    try:
        return encode_value(*orders.obeyed(obey))
    except BaseException as error:
        return encode_error(error)


def _end_with(parent: int) -> None:
    """SIGKILL for this process when the worker is gone, however it went (Linux; elsewhere the socket's end does)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
