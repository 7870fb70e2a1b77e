"""What the engine needs from outside, by role. Adapters implement these; the tests hold them to one contract."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from andon.engine.artifacts import Stored
from andon.engine.events import Event
from andon.engine.memos import Memo


@dataclass(frozen=True)
class Attempt:
    """One try at a step: what has to be known of it if its process dies. Times are seconds, None is the default."""

    name: str
    position: int
    number: int = 1
    retries: int = 0
    timeout: float | None = None
    grace: float | None = None
    given: str = ""
    """Its arguments, to be seen."""
    branch: int | None = None
    """Its index among steps that run side by side."""


class Journal(Protocol):
    """What a run remembers. Every write carries the run's fence and raises `LeaseLost` when it has moved.

    Calls return only when the write is durable; while the store is away they wait for it.
    """

    def begin(self, attempt: Attempt) -> None:
        """Tell that a body is about to run."""
        ...

    def complete(self, attempt: Attempt, seconds: float, output: str, files: Sequence[Stored] = ()) -> bool:
        """Keep a step's result (JSON text), and with it the names of the files that it has stored.

        Returns whether a cancel came first, in which case nothing is kept. Raises `InvalidResult` where another step
        of the run has stored a file of such a name.
        """
        ...

    def joined(self, attempt: Attempt) -> None:
        """Tell that all branches of a group, begun as `attempt`, have ended."""
        ...

    def fail(self, attempt: Attempt, seconds: float, error: dict[str, Any], *, final: bool) -> None:
        """Keep a step's failed attempt."""
        ...

    def sleep(self, name: str, position: int, *, seconds: float | None, until: dt.datetime | None) -> dt.datetime:
        """Keep when a sleeping step wakes; returns that time. Called again it keeps the first answer."""
        ...

    def send(self, attempt: Attempt, events: Sequence[Event], output: str) -> bool:
        """Record events and the step's result (JSON text) together. Returns whether a cancel came first: then neither.

        An event whose id its tenant has used before is left out. Raises `QueueFull` where too many runs wait already
        that the tenant's events would add to.
        """
        ...

    def extend(self, seconds: float) -> None:
        """Let the run take so many seconds from now, if it may not take longer already."""
        ...

    def tag(self, tag: str) -> bool:
        """Give the run a tag. Returns whether there was room for it; one that it has already changes nothing.

        After a cancel nothing is kept.
        """
        ...

    def expire(
        self, attempt: Attempt, output: str | None, error: dict[str, Any] | None, events: Sequence[Event] = ()
    ) -> Memo:
        """A waiting step's time is over: keep this as what came of it, and record the events, unless what it waits for
        has come meanwhile. Returns what is kept. Raises as the run's stop says where a cancel came first.
        """
        ...

    def recall(self, memo: Memo) -> Any:
        """The result of a completed step, decoded."""
        ...

    def transaction(self, attempt: Attempt, fn: Callable[[Any], Any], encode: Callable[[Any], str]) -> str:
        """Call `fn(session)` and keep its result in one transaction; returns the JSON text that was kept."""
        ...


class Files(Protocol):
    """Where a run's artifacts are put."""

    @property
    def limit(self) -> int:
        """The most bytes that one may have."""
        ...

    def store(self, path: str, name: str) -> tuple[str, int]:
        """Store a copy of the file at `path`; returns its key, which no other file has, and its bytes."""
        ...


class CancelCheck(Protocol):
    """Whether a run is cancelled, asked before each step."""

    def is_cancelled(self) -> bool:
        """Look at the cancel flag; raises nothing: without an answer it waits."""
        ...


__all__ = ["Attempt", "CancelCheck", "Files", "Journal", "Memo"]
