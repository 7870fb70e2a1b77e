"""The port `Isolation`: calls in child processes that a stop signal ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from structlog.contextvars import get_contextvars

from andon.engine.errors import AndonError, Interrupted
from andon.engine.stops import StopSignal
from andon_worker.isolation.children import Child
from andon_worker.isolation.messages import Call, decode_reply, encode_call
from andon_worker.isolation.nursery import Nursery

if TYPE_CHECKING:
    from andon.adapters.tracing.spans import Tracing

LINGER_SECONDS = 30.0


class ProcessDied(AndonError):
    """A step's process died by itself. The step is tried again like after any failure."""

    def __init__(self, step: str, how: str) -> None:
        self.step = step
        self.how = how
        super().__init__(f"The process of step {step!r} {how}")

    def __reduce__(self) -> tuple[type[ProcessDied], tuple[str, str]]:
        return type(self), (self.step, self.how)


class ProcessIsolation:
    """Runs calls in processes of their own, any number at a time.

    `spares` of them are always warm, with the modules `preload` imported. One that has served a call cleanly
    serves another, so a step can't rely on what the module's state was; one that was interrupted never does.
    """

    def __init__(
        self,
        preload: Sequence[str],
        spares: int = 1,
        *,
        linger: float = LINGER_SECONDS,
        tracing: Tracing | None = None,
    ) -> None:
        self._nursery = Nursery(preload, spares, linger)
        self._tracing = tracing

    def call(
        self,
        step: str,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        grace: float,
        timeout: float | None,
        stop: StopSignal,
    ) -> Any:
        """Run `fn(*args, **kwargs)` in a child and return its value, as JSON decodes it, or raise its error.

        When `stop` or `timeout` ends it: SIGTERM, which is `Interrupted` there, and SIGKILL `grace` seconds later.
        Raises `NonRetriable` for a call that can't be sent, `ProcessDied` for a child that died by itself.
        """
        log_keys = {key: value for key, value in get_contextvars().items() if isinstance(value, str)}
        traceparent = None if self._tracing is None else self._tracing.here()
        message = encode_call(Call(step, fn, args, kwargs, log_keys, traceparent))
        child = self._nursery.take()
        call = _Running(child, grace, timeout)
        reusable = False
        stop.watch(call)
        try:
            reply = child.exchange(message)
            reusable = call.end() and reply is not None
            if reply is None:
                raise ProcessDied(step, child.end_in_words())
            return decode_reply(step, reply)
        except Interrupted as error:
            if not call.interrupted:
                reusable = False
                raise ProcessDied(step, "was ended by SIGTERM from outside") from error
            raise
        finally:
            call.end()
            stop.watch(None)
            if reusable:
                self._nursery.give_back(child)
            else:
                self._nursery.discard(child)

    def close(self) -> None:
        """End every child; calls under way end as if their process had died."""
        self._nursery.close()


class _Running:
    """A call under way, as something to interrupt."""

    is_prompt = True

    def __init__(self, child: Child, grace: float, timeout: float | None) -> None:
        self.deadline = None if timeout is None else time.monotonic() + timeout
        self._child = child
        self._grace = grace
        self._asked_at: float | None = None
        self._lock = threading.Lock()
        self.ended = False

    @property
    def interrupted(self) -> bool:
        """Whether it was told to end."""
        return self._asked_at is not None

    def interrupt(self) -> None:
        """SIGTERM once, then SIGKILL when the grace is over. Never after `end`: the child may serve another by then."""
        with self._lock:
            if self.ended:
                return
            now = time.monotonic()
            if self._asked_at is None and self._grace > 0:
                self._child.terminate()
            elif self._asked_at is None or now - self._asked_at >= self._grace:
                self._child.kill()
            self._asked_at = self._asked_at or now

    def end(self) -> bool:
        """No signal from now on. Returns whether none was sent."""
        with self._lock:
            self.ended = True
        return self._asked_at is None
