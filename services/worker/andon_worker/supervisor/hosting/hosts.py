"""The runs that this worker hosts now: what the heartbeat extends, what flags and cancels stop."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from andon.adapters.postgres.runs.journal import Holding
from andon.adapters.postgres.runs.leases import Beat, Claimed
from andon.engine.declared.declarations import Declaration
from andon.engine.declared.gates import pause_key
from andon.engine.ports import Attempt
from andon.engine.stops import Cause
from andon_worker.supervisor.hosting.estimate import Pace
from andon_worker.supervisor.hosting.lanes import Lane
from andon_worker.supervisor.hosting.loop import Timer
from andon_worker.supervisor.output.lines import RunOutput
from andon_worker.wire import Header


@dataclass(eq=False)
class Run:
    """A claimed run, from its claim until what came of it is written. It belongs to the loop's thread."""

    claimed: Claimed
    declared: Declaration
    flags: tuple[str, ...]
    output: RunOutput
    done: Callable[[], object]
    lane: Lane | None = None
    underway: Attempt | None = None
    """The attempt whose body runs now."""
    began: float = 0.0
    """When that began, by the monotonic clock."""
    begun: int = 0
    """Which of the run's attempts here that is."""
    taken_at: float = field(default_factory=time.monotonic)
    timeout: Timer | None = None
    limit: Timer | None = None
    """Of a cleanup: it has taken too long then."""
    overdue: float | None = None
    """After how many seconds it was stopped for that."""
    cause: Cause | None = None
    """Why it was ordered to stop."""
    killed_for: str | None = None
    """Why its lane was killed, where that is a failure of its own."""
    end: tuple[Header, bytes] | None = None
    """What its lane said when it ended."""
    stopped_at: float = 0.0
    litter: Path | None = None
    """A folder of files that it has left."""
    keys: dict[str, Any] = field(default_factory=dict)
    """What log lines tell of it."""
    ordered_at: float = 0.0
    failure: dict[str, Any] | None = None
    """What is kept of why the last attempt at a step that failed did."""
    error: dict[str, Any] | None = None
    """The same of the run."""
    traceparent: str | None = None
    """Of the span that its steps are below."""
    paused: str | None = None
    """What is paused so that it goes no further than to its next step: its `function`, or its `queue`."""
    shown: tuple[str | None, int] = (None, 0)
    pace: Pace = field(default_factory=Pace)

    @property
    def id(self) -> uuid.UUID:
        return self.claimed.id

    @property
    def pause_door(self) -> uuid.UUID | None:
        """Where it waits for the end of that pause."""
        if self.paused is None:
            return None
        name = self.declared.queue if self.paused == "queue" else self.claimed.function_id
        return pause_key(self.claimed.tenant, self.paused, name)

    @property
    def trace(self) -> str | None:
        """The traceparent of what it sends."""
        return self.traceparent or self.claimed.event.traceparent

    @property
    def holding(self) -> Holding:
        """Its id and fence."""
        return Holding(self.claimed.id, self.claimed.fence)

    @property
    def grace(self) -> float:
        """How many seconds its code gets to end: the step's, or the function's."""
        own = self.underway.grace if self.underway else None
        return self.declared.grace if own is None else own

    def unheard(self) -> tuple[int, Attempt, float] | None:
        """The attempt that its lane has begun and didn't tell of, if there is one: its number, and when it began."""
        found = self.lane.progress.begun(self.begun) if self.lane else None
        if found is None:
            return None
        number, text = found
        try:
            said = json.loads(text)
            return number, Attempt(**said["attempt"]), float(said["at"])
        except (ValueError, KeyError, TypeError):  # the lane died while it wrote
            return None

    def _now(self) -> tuple[str | None, float]:
        """The step that is underway, and when it began; any thread may ask."""
        if (underway := self.underway) is not None:
            return underway.name, self.began
        unheard = self.unheard()
        return (unheard[1].name, unheard[2]) if unheard else (None, self.began)

    def beat(self) -> Beat:
        """What the heartbeat says of it."""
        now, lane = time.monotonic(), self.lane
        (step, began), (count, fraction, note) = self._now(), lane.progress.read() if lane else (0, None, None)
        step = step or self.shown[0]
        self.shown = step, count or self.shown[1]
        remaining = self.pace.remaining(fraction, now)
        seconds = now - began if step is not None else None
        return Beat(self.id, self.claimed.fence, step, seconds, fraction, note, remaining)

    @property
    def changed(self) -> bool:
        """Whether people would see something new."""
        step, lane = self._now()[0], self.lane
        if step is not None and step != self.shown[0]:
            return True
        count = lane.progress.read()[0] if lane else 0
        return count not in (0, self.shown[1])


class Hosts:
    """The registry of hosted runs. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._empty = threading.Condition(self._lock)
        self._runs: dict[uuid.UUID, Run] = {}
        self._by_flag: dict[str, list[Run]] = {}
        self._lingering: list[Run] = []

    def add(self, run: Run) -> None:
        """From now on it is hosted here."""
        with self._lock:
            self._runs[run.id] = run
            for flag in run.flags:
                self._by_flag.setdefault(flag, []).append(run)

    def remove(self, run: Run) -> None:
        """Its code has stopped and its end is written, or it is somebody else's."""
        with self._lock:
            self._runs.pop(run.id, None)
            for flag in run.flags:
                found = self._by_flag.get(flag, [])
                if run in found:
                    found.remove(run)
                if not found:
                    self._by_flag.pop(flag, None)
            self._empty.notify_all()

    def all(self) -> list[Run]:
        """The runs hosted now."""
        with self._lock:
            return list(self._runs.values())

    def linger(self, run: Run) -> None:
        """It is hosted no more, and its code goes on."""
        with self._lock:
            self._lingering.append(run)

    def forget(self, run: Run) -> None:
        """Its code has ended at last."""
        with self._lock:
            self._lingering.remove(run)

    def lingering(self) -> list[Run]:
        """The runs that are given up, and whose code goes on."""
        with self._lock:
            return list(self._lingering)

    def get(self, run_id: uuid.UUID) -> Run | None:
        """The hosted run with this id."""
        return self._runs.get(run_id)

    def named(self, flag: str, seq: int) -> list[Run]:
        """The runs that a raised flag names and whose event is older."""
        with self._lock:
            return [each for each in self._by_flag.get(flag, ()) if each.claimed.event.seq < seq]

    def wait_until_empty(self, seconds: float | None) -> bool:
        """Wait until no run is hosted; False if some still are after `seconds`; None waits for ever."""
        with self._lock:
            return self._empty.wait_for(lambda: not self._runs, timeout=seconds)
