"""How a function's runs would flow, without stores and without waiting: what `andon.testing.flow` does.

Time goes from one thing that happens to the next: an event comes, a run ends, a time is over. Code stops as soon as it
is asked to.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from andon.adapters.cel import Evaluations, any_holds, check_expression, value_of
from andon.adapters.cron import check_schedule
from andon.adapters.keying import value_under
from andon.engine.declared.functions import Function, Registry
from andon.engine.declared.gates import (
    UNLIMITED,
    Gate,
    fair_key,
    gates_for,
    rate_limit_of,
    schedule_of,
    seconds_ahead,
)
from andon.engine.declared.rates import Rate
from andon.engine.declared.rules import CancelOn
from andon.engine.events import Event

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
FOREVER = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass
class Passed:
    """What became of an event: `completed`, `cancelled`, `failed`, or why it started no run: `singleton`, `overlap`,
    `rate_limited`, `idempotent`, `debounced`. The times are seconds after the beginning; None: it hasn't.
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
    quiet: dt.datetime = FOREVER
    """Until when it is pending."""


@dataclass
class Simulation:
    """One function, and `seconds` that each of its runs takes."""

    function: Function
    seconds: Callable[[Event], float]
    now: dt.datetime = START
    pending: dict[str | None, _Run] = field(default_factory=dict)
    waiting: list[_Run] = field(default_factory=list)
    running: list[_Run] = field(default_factory=list)
    tats: dict[uuid.UUID, dt.datetime] = field(default_factory=dict)
    used: dict[str, tuple[dt.datetime, Passed]] = field(default_factory=dict)
    """Idempotency keys: until when, and for what."""
    served: dict[tuple[uuid.UUID, uuid.UUID], dt.datetime] = field(default_factory=dict)
    """Where each fair key has come to, at each door."""

    def follow(self, events: Sequence[tuple[float, Event]]) -> list[Passed]:
        """What becomes of the events, which come so many seconds after the beginning; in their order."""
        registry = Registry([self.function], check_expression=check_expression, check_schedule=check_schedule)
        coming = sorted(events, key=lambda each: each[0])
        passed = []
        while coming or self.running or self.waiting or self.pending:
            at = min([START + s * SECOND for s, _ in coming[:1]] + self._moments(), default=FOREVER)
            if at == FOREVER:
                break
            self.now = max(self.now, at)
            self._end_what_is_over()
            self._begin_what_is_quiet()
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
        quiet = [run.quiet for run in self.pending.values()]
        return [
            *quiet,
            *(run.ends for run in self.running),
            *(run.made + start for run in self.waiting if start),
            *opening,
        ]

    def _free(self, key: uuid.UUID, rate: Rate) -> int:
        return rate.free(self.tats.get(key), self.now)

    def _end_what_is_over(self) -> None:
        for run in [each for each in self.running if each.ends <= self.now]:
            self._end(run, run.end)
        start = self.function.timeouts.start if self.function.timeouts else None
        for run in [each for each in self.waiting if start and each.made + start <= self.now]:
            self._end(run, "cancelled")

    def _begin_what_is_quiet(self) -> None:
        for key, run in [(key, run) for key, run in self.pending.items() if run.quiet <= self.now]:
            run.made = self.now  # its time to start counts from now on
            self.waiting.append(self.pending.pop(key))

    def _open(self) -> list[_Run]:
        return [*self.running, *self.waiting, *self.pending.values()]

    def _end(self, run: _Run, became: str) -> None:
        if run in self.running or run in self.waiting:
            (self.running if run in self.running else self.waiting).remove(run)
        else:
            self.pending = {key: each for key, each in self.pending.items() if each is not run}
        run.passed.became, run.passed.ended = became, (self.now - START) / SECOND

    def _cancel_by(self, event: Event) -> None:
        for run in self._open():
            if any(cancels(rule, run.passed.event, event) for rule in self.function.cancel_on):
                self._end(run, "cancelled")

    def _arrive(self, event: Event) -> Passed:
        passed = Passed(event)
        once = value_under(self.function.idempotency, event) if self.function.idempotency else None
        if once is not None and self._was_used(once):
            passed.became = "idempotent"
            return passed
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
        run = _Run(passed, keys, self._order(event, keys), self.now)
        replaced = self.function.debounce is not None and self._put_by(run)
        if self.function.singleton is not None and not self._make_room(run, self.function.singleton.mode, replaced):
            passed.became = "singleton"
            return passed
        if not self._make_way(event):
            passed.became = "overlap"
            return passed
        if self.function.debounce is None:
            self.waiting.append(run)
        elif not replaced:
            self.pending[value_under(self.function.debounce.key, event)] = run
        if once is not None:
            self.used[once] = self.now + self.function.idempotency_for, passed
        return passed

    def _was_used(self, once: str) -> bool:
        until, passed = self.used.get(once, (START, Passed(Event(""))))
        void = passed.became in {"cancelled", "failed"} and not self.function.idempotency_keep
        return until > self.now and not void

    def _put_by(self, run: _Run) -> bool:
        """Let a run be pending until it is quiet; whether it takes the place of one that is."""
        debounce = self.function.debounce
        assert debounce is not None
        former = self.pending.get(key := value_under(debounce.key, run.passed.event))
        if former is not None:
            former.passed.became = "debounced"
            run.made = former.made
            self.pending[key] = run
        run.quiet = min(self.now + debounce.period, run.made + debounce.longest)
        return former is not None

    def _make_room(self, new: _Run, mode: str, replaced: bool) -> bool:
        """Whether this run of a singleton may be made; others are cancelled for it where they have to be."""
        key = next(iter(new.keys))
        others = [run for run in self._open() if run is not new and key in run.keys]
        if mode == "skip":
            return replaced or not others
        for run in others:
            if mode == "cancel" or run in self.waiting:
                self._end(run, "cancelled")
        return True

    def _make_way(self, event: Event) -> bool:
        """Whether a tick gets a run; those of the ticks before are cancelled for it where they have to be."""
        if (tick := schedule_of(self.function, event)) is None:
            return True
        others = [run for run in self._open() if schedule_of(self.function, run.passed.event) is tick]
        for run in others if tick.overlap == "cancel" else ():
            self._end(run, "cancelled")
        return not others or tick.overlap != "skip"

    def _order(self, event: Event, keys: dict[uuid.UUID, Gate]) -> dt.datetime:
        """Where a run stands in its line: by its arrival, its priority, and whose turn it is."""
        ahead = seconds_ahead(self.function, event, value_of) * SECOND
        door = next((key for key, gate in keys.items() if gate.wide), None)
        if not self.function.fair or door is None:
            return self.now - ahead
        try:
            tag = door, fair_key(self.function, event, value_of)
        except ValueError:
            return self.now - ahead
        line = [run.order for run in self.waiting if door in run.keys]
        behind = [self.served[tag] + SECOND] if line and tag in self.served else []
        self.served[tag] = max([min(line, default=self.now), *behind])
        return self.served[tag] - ahead

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


def cancels(rule: CancelOn, trigger: Event, event: Event) -> bool:
    """Whether `event` stops a run of `trigger` by this rule."""
    if event.name != rule.event:
        return False
    value = rule.value(trigger.data)
    if rule.match is not None and (value is None or value != rule.value(event.data)):
        return False
    return rule.if_ is None or Evaluations().hold(rule.if_, trigger, event)
