"""Ticks of schedules: an event for each that takes effect, its run, and the next tick, in one transaction."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from andon.adapters.cron import ticks
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.events import inbox, skips
from andon.adapters.postgres.events.skips import Reason, Skip
from andon.adapters.postgres.registered import schedules
from andon.adapters.postgres.registered.schedules import Due
from andon.engine.declared.functions import Registry
from andon.engine.declared.triggers import Cron
from andon.engine.dispatch.ticks import Plan, plan, tick_event
from andon_worker.dispatcher.batches.batch import Effects, record_batch
from andon_worker.dispatcher.duties.duty import Duty
from andon_worker.dispatcher.leader import Leader


@dataclass
class Ticked:
    """What to tell once it is committed: of each run, and how many ticks were missed, by function."""

    effects: list[Effects] = field(default_factory=list)
    missed: Counter[str] = field(default_factory=Counter)


class Tick(Duty):
    """Lets the schedules tick that are due."""

    name = "tick"

    def __init__(self, leader: Leader, signal: Callable[[Effects], None]) -> None:
        super().__init__(leader)
        self._signal = signal

    def act(self) -> None:
        with self._leader.transaction() as connection:
            ticked = tick(connection, self._leader.registry)
        self._leader.metrics.missed_ticks(ticked.missed)
        for effects in ticked.effects:
            self._signal(effects)


def tick(connection: Connection, registry: Registry) -> Ticked:
    """Let the schedules tick that are due. In a transaction that holds the leadership."""
    now, found = schedules.due(connection)
    ticked = Ticked()
    for each in found:
        function = registry.get(each.function_id)
        declared = function.schedules if function else []
        cron = next((cron for cron in declared if (cron.expr, cron.tz) == (each.expr, each.tz)), None)
        last = each.next_at
        if cron is not None:
            owed = chain([each.next_at], ticks(each.expr, each.tz, each.next_at))
            planned = plan(cron, each.function_id, owed, now)
            ticked.effects += _take_effect(connection, registry, each, cron, planned)
            ticked.missed[each.function_id] += planned.missed
            last = planned.last
        schedules.advance(connection, each, cron, last=last)
    return ticked


def _take_effect(
    connection: Connection, registry: Registry, schedule: Due, cron: Cron, planned: Plan
) -> Iterator[Effects]:
    """Record the events of the ticks; those that get a run get it here, as any event does."""
    id, untold = schedule.function_id, planned.missed
    for at in planned.run or [planned.last]:
        missed, untold = untold, 0  # the first of them tells it
        event = tick_event(cron, id, at, missed=missed)
        for accepted in inbox.accept(connection, [event]):
            detail = {"missed": missed} if missed else None
            skip = Skip(accepted.seq, id, Reason.MISSED, detail=detail) if missed else None
            in_the_way = schedules.open_run(connection, id, cron.expr, cron.tz) if cron.overlap == "skip" else None
            if planned.run and in_the_way is not None:
                skip = Skip(accepted.seq, id, Reason.OVERLAP, in_the_way, detail)
            skips.record(connection, [skip] if skip else [])
            starts = bool(planned.run) and in_the_way is None
            yield record_batch(connection, registry if starts else Registry(), [accepted], [None])
