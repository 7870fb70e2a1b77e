"""How a function's runs would flow, without stores and without waiting: what `andon.testing.flow` does.

Time goes from one thing that happens to the next: an event comes, a run ends, a time is over. Code stops as soon as it
is asked to.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from andon.adapters.cel import any_holds, check_expression, value_of
from andon.adapters.cron import check_schedule
from andon.engine.declared.flow import MOST_AHEAD
from andon.engine.declared.functions import Function, Registry
from andon.engine.declared.gates import UNLIMITED, Gate, gates_for, rate_limit_of, schedule_of
from andon.engine.declared.rates import Rate
from andon.engine.events import Event

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
FOREVER = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass
class Passed:
    """What became of an event: `completed`, `cancelled`, `failed`, or why it started no run: `singleton`,
    `overlap`, `rate_limited`. The times are seconds after the beginning; None: it hasn't.
    """

    event: Event
    became: str = ""
    started: float | None = None
    ended: float | None = None


@dataclass(eq=False)
class _Run:
    passed: Passed
    keys: dict[uuid.UUID, Gate]
    order: dt.datetime
    made: dt.datetime
    ends: dt.datetime = FOREVER
    end: str = "completed"


@dataclass
class Simulation:
    """One function, and `seconds` that each of its runs takes."""

    function: Function
    seconds: Callable[[Event], float]
    now: dt.datetime = START
    waiting: list[_Run] = field(default_factory=list)
    running: list[_Run] = field(default_factory=list)
    tats: dict[uuid.UUID, dt.datetime] = field(default_factory=dict)

    def follow(self, events: Sequence[tuple[float, Event]]) -> list[Passed]:
        """What becomes of the events, which come so many seconds after the beginning; in their order."""
        registry = Registry([self.function], check_expression=check_expression, check_schedule=check_schedule)
        coming = sorted(events, key=lambda each: each[0])
        passed = []
        while coming or self.running or self.waiting:
            at = min([START + s * SECOND for s, _ in coming[:1]] + self._moments(), default=FOREVER)
            if at == FOREVER:
                break
            self.now = max(self.now, at)
            self._end_what_is_over()
            while coming and START + coming[0][0] * SECOND <= self.now:
                event = coming.pop(0)[1]
                self._cancel_by(event)
                if any(any_holds(each.conditions, event)[0] for each in registry.started_by(event)):
                    passed.append(self._arrive(event))
            self._let_in()
        return passed

    def _moments(self) -> list[dt.datetime]:
        """When something may happen by itself."""
        start = self.function.timeouts.start if self.function.timeouts else None
        rates = [(key, gate.rate) for run in self.waiting for key, gate in run.keys.items() if gate.rate]
        opening = [rate.opens_at(self.tats[key]) for key, rate in rates if not self._free(key, rate)]
        return [*(run.ends for run in self.running), *(run.made + start for run in self.waiting if start), *opening]

    def _free(self, key: uuid.UUID, rate: Rate) -> int:
        return rate.free(self.tats.get(key), self.now)

    def _end_what_is_over(self) -> None:
        for run in [each for each in self.running if each.ends <= self.now]:
            self._end(run, run.end)
        start = self.function.timeouts.start if self.function.timeouts else None
        for run in [each for each in self.waiting if start and each.made + start <= self.now]:
            self._end(run, "cancelled")

    def _end(self, run: _Run, became: str) -> None:
        (self.running if run in self.running else self.waiting).remove(run)
        run.passed.became, run.passed.ended = became, (self.now - START) / SECOND

    def _cancel_by(self, event: Event) -> None:
        for rule in self.function.cancel_on:
            if rule.event == event.name:
                value = rule.value(event.data)
                for run in [*self.running, *self.waiting]:
                    if rule.match is None or (value is not None and rule.value(run.passed.event.data) == value):
                        self._end(run, "cancelled")

    def _arrive(self, event: Event) -> Passed:
        passed = Passed(event)
        try:
            if (limit := rate_limit_of(self.function)) is not None and limit.rate is not None:
                key = limit.key_of(event, value_of)
                if self._free(key, limit.rate) <= 0:
                    passed.became = "rate_limited"
                    return passed
                self.tats[key] = limit.rate.spend(self.tats.get(key), self.now, 1)
            keys = {gate.key_of(event, value_of): gate for gate in gates_for(self.function, event)}
        except ValueError:
            passed.became = "failed"
            return passed
        if self.function.singleton is not None and not self._make_room(next(iter(keys)), self.function.singleton.mode):
            passed.became = "singleton"
            return passed
        if not self._make_way(event):
            passed.became = "overlap"
            return passed
        self.waiting.append(_Run(passed, keys, self.now - self._ahead(event) * SECOND, self.now))
        return passed

    def _make_room(self, key: uuid.UUID, mode: str) -> bool:
        """Whether a run of this singleton may be made; others are cancelled for it where they have to be."""
        others = [run for run in [*self.waiting, *self.running] if key in run.keys]
        if mode == "skip":
            return not others
        for run in others:
            if mode == "cancel" or run in self.waiting:
                self._end(run, "cancelled")
        return True

    def _make_way(self, event: Event) -> bool:
        """Whether a tick gets a run; those of the ticks before are cancelled for it where they have to be."""
        if (tick := schedule_of(self.function, event)) is None:
            return True
        runs = [*self.waiting, *self.running]
        others = [run for run in runs if schedule_of(self.function, run.passed.event) is tick]
        for run in others if tick.overlap == "cancel" else ():
            self._end(run, "cancelled")
        return not others or tick.overlap != "skip"

    def _ahead(self, event: Event) -> float:
        said = self.function.priority
        try:
            value = 0 if said is None else value_of(said.run, event) if isinstance(said.run, str) else said.run
        except ValueError:
            return 0
        fits = isinstance(value, (int, float)) and not isinstance(value, bool)
        return max(-MOST_AHEAD, min(MOST_AHEAD, value)) if fits else 0

    def _let_in(self) -> None:
        for run in sorted(self.waiting, key=lambda run: run.order):
            held = [key for other in self.running for key in other.keys]
            if all(self._passes(key, gate, held.count(key)) for key, gate in run.keys.items()):
                self._start(run)

    def _passes(self, key: uuid.UUID, gate: Gate, held: int) -> bool:
        if gate.rate is not None:
            return self._free(key, gate.rate) > 0
        return held < (gate.limit or UNLIMITED)

    def _start(self, run: _Run) -> None:
        self.waiting.remove(run)
        self.running.append(run)
        run.passed.started = (self.now - START) / SECOND
        for key, gate in run.keys.items():
            if gate.rate is not None:
                self.tats[key] = gate.rate.spend(self.tats.get(key), self.now, 1)
        run.ends = self.now + self.seconds(run.passed.event) * SECOND
        finish = self.function.timeouts.finish if self.function.timeouts else None
        if finish is not None and self.now + finish < run.ends:
            run.ends, run.end = self.now + finish, "cancelled"
