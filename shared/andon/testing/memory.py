"""What a run needs from outside, in memory: its journal, on a clock that is advanced, and its files."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from andon.engine.artifacts import Stored
from andon.engine.declared import tags
from andon.engine.errors import Cancelled, InvalidResult, LeaseLost
from andon.engine.events import Event
from andon.engine.memos import Memo
from andon.engine.ports import Attempt
from andon.engine.steps.waiting import Waiting

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def rerun_from(journal: MemoryJournal, step: str) -> MemoryJournal:
    """A journal for the run that repeats the one of `journal` from a step on: it recalls what was done before.

    Raises `KeyError` for a step that the run didn't have.
    """
    position, done = _position_of(journal, step), ("completed", "failed")
    slept = {name: time for name, time in journal.wakes.items() if time <= journal.now}
    before = {name: memo for name, memo in journal.rows.items() if memo.position < position}
    rows = {name: memo for name, memo in before.items() if memo.status in done or name in slept}
    return MemoryJournal(session=journal.session, now=journal.now, rows=rows, wakes=slept)


def _position_of(journal: MemoryJournal, step: str) -> int:
    """Of a step, or of the branches of one."""
    for name, memo in journal.rows.items():
        if name == step or (memo.branch is not None and name.startswith(f"{step}/")):
            return memo.position
    raise KeyError(step)


@dataclass
class MemoryJournal:
    """What one run remembers. Set `lost` or `cancelled` to see what a worker sees then; move time by `advance`.

    `session` makes what `step.transaction` hands to its function; it is a context manager that commits or undoes.
    """

    session: Callable[[], Any] | None = None
    lost: bool = False
    cancelled: bool = False
    now: dt.datetime = START
    rows: dict[str, Memo] = field(default_factory=dict)
    artifacts: dict[str, tuple[str, Stored]] = field(default_factory=dict)
    """By name: the step that has stored it, and where."""
    wakes: dict[str, dt.datetime] = field(default_factory=dict)
    sent: list[Event] = field(default_factory=list)
    """What `step.send_event` has sent."""
    finish_by: dt.datetime | None = None
    """When the run is cancelled if it hasn't ended by then."""
    unserved: str | None = None
    """The step that wanted a transaction, where there is no session to give."""
    tags: list[str] = field(default_factory=list)
    """What the run is tagged with, by its function and by `step.tag`."""
    underway: Attempt | None = None
    watch: Callable[[Attempt | None], object] | None = None
    """Told of each attempt that begins, and with None when its body has ended."""

    def memos(self) -> dict[str, Memo]:
        """What the next replay is given."""
        return {name: replace(memo, due=self._due(name)) for name, memo in self.rows.items()}

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += dt.timedelta(seconds=seconds)

    def begin(self, attempt: Attempt) -> None:
        """A body is about to run."""
        self._over(attempt)

    def complete(self, attempt: Attempt, seconds: float, output: str, files: Sequence[Stored] = ()) -> bool:
        """Keep a step's result and its files; returns whether a cancel came first, in which case nothing is kept."""
        self._has_ended(attempt)
        self._raise_if_lost()
        if not self.cancelled:
            for each in files:
                if self.artifacts.get(each.name, (attempt.name, each))[0] != attempt.name:
                    raise InvalidResult(attempt.name, f"another step has stored an artifact named {each.name!r}")
            self.artifacts |= {each.name: (attempt.name, each) for each in files}
            kept = attempt.name, attempt.position, "completed", attempt.number
            self.rows[attempt.name] = Memo(*kept, output=json.loads(output), branch=attempt.branch)
        return self.cancelled

    def joined(self, attempt: Attempt) -> None:
        """All branches of a group have ended."""
        self._over(None)

    def fail(self, attempt: Attempt, seconds: float, error: dict[str, Any], *, final: bool) -> None:
        """Keep a step's failed attempt."""
        self._has_ended(attempt)
        self._raise_if_lost()
        kept = attempt.name, attempt.position, "failed" if final else "retrying", attempt.number
        self.rows[attempt.name] = Memo(*kept, error=error, branch=attempt.branch)

    def sleep(self, name: str, position: int, *, seconds: float | None, until: dt.datetime | None) -> dt.datetime:
        """Keep when a sleeping step wakes; called again it keeps the first answer."""
        self._raise_if_lost()
        self.rows.setdefault(name, Memo(name, position, "sleeping", 1))
        return self.wakes.setdefault(name, until or self.now + dt.timedelta(seconds=seconds or 0.0))

    def extend(self, seconds: float) -> None:
        """Let the run take so many seconds from now, if it may not take longer already."""
        self._raise_if_lost()
        if self.finish_by is not None:
            self.finish_by = max(self.finish_by, self.now + dt.timedelta(seconds=seconds))

    def tag(self, tag: str) -> bool:
        """Give the run a tag, if there is room for it."""
        self._raise_if_lost()
        room = tag in self.tags or len(self.tags) < tags.MOST_TAGS
        if room and not self.cancelled and tag not in self.tags:
            self.tags.append(tag)
        return room

    def send(self, attempt: Attempt, events: Sequence[Event], output: str) -> bool:
        """Keep a step's result and the events that it sends."""
        cancelled = self.complete(attempt, 0.0, output)
        known = {each.id for each in self.sent}
        self.sent += [each for each in events if not cancelled and each.id not in known]
        return cancelled

    def wait(self, waiting: Waiting) -> None:
        """Keep what the run waits for, and its time-out; called again it keeps the first answer."""
        self.rows.setdefault(
            waiting.step, Memo(waiting.step, waiting.position, "waiting", 1, output=waiting.about, due=False)
        )
        if waiting.seconds is not None:
            self.wakes.setdefault(waiting.step, self.now + dt.timedelta(seconds=waiting.seconds))

    def expire(
        self, attempt: Attempt, output: str | None, error: dict[str, Any] | None, events: Sequence[Event] = ()
    ) -> Memo:
        """A waiting step's time is over: keep this, unless what it waits for has come."""
        self._raise_if_lost()
        if self.cancelled:
            raise Cancelled(attempt.name)
        if self.rows[attempt.name].status == "waiting":
            self.arrive(attempt.name, output=None if output is None else json.loads(output), error=error)
            self.sent += events
        return self.rows[attempt.name]

    def arrive(self, step: str, *, output: Any = None, error: dict[str, Any] | None = None) -> None:
        """What the step waits for has come."""
        status = "completed" if error is None else "failed"
        self.rows[step] = replace(self.rows[step], status=status, output=output, error=error)

    def recall(self, memo: Memo) -> Any:
        """The result of a completed step."""
        return memo.output

    def transaction(self, attempt: Attempt, fn: Callable[[Any], Any], encode: Callable[[Any], str]) -> str:
        """Call `fn(session)` and keep its result, or undo it when the run is cancelled or lost by then."""
        if self.session is None:
            self.unserved = attempt.name
            raise TypeError("this journal has no session to give: MemoryJournal(session=...)")
        with self.session() as session:
            text = encode(fn(session))
            if self.complete(attempt, 0.0, text):
                raise Cancelled(attempt.name)
        return text

    def _has_ended(self, attempt: Attempt) -> None:
        if attempt.branch is None:  # else its group goes on
            self._over(None)

    def _over(self, attempt: Attempt | None) -> None:
        self.underway = attempt
        if self.watch is not None:
            self.watch(attempt)

    def _due(self, name: str) -> bool:
        if name in self.wakes:
            return self.wakes[name] <= self.now
        return self.rows[name].status != "waiting"

    def _raise_if_lost(self) -> None:
        if self.lost:
            raise LeaseLost


@dataclass
class MemoryFiles:
    """What was stored, by its key."""

    limit: int = 1 << 30
    contents: dict[str, bytes] = field(default_factory=dict)

    def store(self, path: str, name: str) -> tuple[str, int]:
        """Keep the file's bytes."""
        key, content = f"{len(self.contents)}/{name}", Path(path).read_bytes()
        self.contents[key] = content
        return key, len(content)
