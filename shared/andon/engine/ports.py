"""What the engine needs from outside, by role. Adapters implement these; the tests hold them to one contract."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Protocol

from andon.engine.memos import Memo
from andon.engine.stops import StopSignal


class Journal(Protocol):
    """What a run remembers. Every write carries the run's fence and raises `LeaseLost` when it has moved.

    Calls return only when the write is durable; while the store is away they wait for it.
    """

    def complete(self, name: str, position: int, attempt: int, seconds: float, output: str) -> bool:
        """Keep a step's result (JSON text). Returns whether a cancel is pending."""
        ...

    def fail(
        self, name: str, position: int, attempt: int, seconds: float, error: dict[str, Any], *, final: bool
    ) -> None:
        """Keep a step's failed attempt."""
        ...

    def sleep(self, name: str, position: int, *, seconds: float | None, until: dt.datetime | None) -> dt.datetime:
        """Keep when a sleeping step wakes; returns that time. Called again it keeps the first answer."""
        ...

    def transaction(
        self,
        name: str,
        position: int,
        attempt: int,
        fn: Callable[[Any], Any],
        encode: Callable[[Any], str],
        stop: StopSignal,
    ) -> str:
        """Call `fn(session)` and keep its result in one transaction; returns the JSON text that was kept."""
        ...


class CancelCheck(Protocol):
    """Whether a run is cancelled, asked before each step."""

    def is_cancelled(self) -> bool:
        """Look at the cancel flag; raises nothing: without an answer it waits."""
        ...


class Isolation(Protocol):
    """Calls in a process of their own."""

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
        """Run `fn(*args, **kwargs)` in a child that ends when `stop` is set; return its value or raise its error."""
        ...


__all__ = ["CancelCheck", "Isolation", "Journal", "Memo"]
