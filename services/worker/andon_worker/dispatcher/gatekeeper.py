"""The gatekeeper: looks at the doors that are due, and lets in as many runs as are free."""

import time
import uuid
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

from andon.adapters.postgres import workers
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.doors import gate
from andon.adapters.postgres.doors.gate import Standing
from andon.adapters.postgres.doors.pauses import Pauses
from andon.adapters.postgres.doors.rates import Rates
from andon.engine.declared.functions import Registry
from andon.engine.declared.gates import UNLIMITED, Gates, pause_key
from andon.engine.dispatch.opening import Decision, decide

RECONCILE_SECONDS = 60.0
AHEAD = 4
"""For each lane, how many runs are let in to a queue: so many are hinted, and in an order that is settled."""


class Opened(NamedTuple):
    """What one turn did: the runs to hint, each with its line, and whether more doors are due."""

    hints: list[tuple[uuid.UUID, str]]
    more: bool


class Gatekeeper:
    """Belongs to the dispatcher that leads. All it knows of doors is rows: another takes over with nothing to learn."""

    def __init__(self, registry: Registry, pauses: Pauses | None = None) -> None:
        self._gates = Gates(registry)
        self._pauses = Pauses() if pauses is None else pauses
        self._queues = self._gates.queues()
        self._passing = dict.fromkeys(self._queues.values(), AHEAD)
        self._reconcile_at = 0.0
        self._reconciled: uuid.UUID = gate.FIRST
        self._all = True

    def lead(self) -> None:
        """Begin: limits may be others than those of who led before, so every door is looked at."""
        self._reconcile_at, self._reconciled, self._all = 0.0, gate.FIRST, True

    def open(self, connection: Connection) -> Opened:
        """Look at some of the doors that are due. In a transaction that holds the leadership."""
        due = gate.take_due(connection)
        if not due:
            return Opened([], False)
        rates = Rates()
        free = self._free(connection, due, rates)
        paused = {pause_key(*place) for place in self._pauses.places}
        free |= dict.fromkeys(paused, 0)
        lines, cut = gate.lines(connection, {key: number for key, number in free.items() if number > 0})
        if self._pauses:
            lines = {door: [self._minding_pauses(each) for each in line] for door, line in lines.items()}
        standing = {each.candidate.run_id: each for line in lines.values() for each in line}
        others = {key for each in standing.values() for key in each.candidate.keys} - free.keys()
        free |= self._free(connection, others, rates)
        decision = decide(
            {door: [each.candidate for each in line] for door, line in lines.items()},
            free,
            wide=lambda key: key in paused or self._gates.wide(key),
            whole=lambda door: door not in cut,
        )
        counted = {key for key in free if key not in paused and self._gates.rate(key) is None}
        hints = gate.apply(connection, decision, standing, counted)
        self._spend(connection, rates, decision, {run_id for run_id, _ in hints})
        return Opened(hints, bool(decision.again) or len(due) >= gate.DOORS)

    def _minding_pauses(self, standing: Standing) -> Standing:
        """One that has to wait for a pause's end, too."""
        doors = self._pauses.doors(standing.tenant, standing.function_id, standing.line)
        candidate = replace(standing.candidate, keys=(*standing.candidate.keys, *doors))
        return standing._replace(candidate=candidate)

    def _free(self, connection: Connection, keys: Collection[uuid.UUID], rates: Rates) -> dict[uuid.UUID, int]:
        """How many may go under each key."""
        limited = {key: limit for key in keys if (limit := self._limit(key)) < UNLIMITED}
        timed = {key: rate for key in keys if (rate := self._gates.rate(key))}
        held = gate.held(connection, limited, self._queues.values())
        rates.read(connection, timed)
        return (
            dict.fromkeys(keys, UNLIMITED)
            | {key: limit - held.get(key, 0) for key, limit in limited.items()}
            | {key: rates.free(key) for key in timed}
        )

    def _limit(self, key: uuid.UUID) -> int:
        return self._passing.get(key) or self._gates.limit(key)

    @property
    def minds_queues(self) -> bool:
        """Whether a queue has a door, at which it has to be looked now and then."""
        return bool(self._queues)

    def look_at_queues(self, connection: Connection) -> None:
        """See how many runs the workers of each queue can take, and let in as many."""
        lanes: Counter[str] = Counter()
        for worker in workers.listed(connection):
            for queue in worker.queues or self._queues:
                lanes[queue] += worker.lanes
        self._passing = {key: AHEAD * max(1, lanes[queue]) for queue, key in self._queues.items()}
        gate.look_at(connection, self._queues.values())

    def _spend(self, connection: Connection, rates: Rates, decision: Decision, let_in: set[uuid.UUID]) -> None:
        """Count those that were let in by the rates, and look again where the next one has to wait for its time."""
        keys = Counter(
            key for c, _ in decision.admitted if c.run_id in let_in for key in c.keys if self._gates.rate(key)
        )
        for key, count in keys.items():
            rates.spend(key, count)
        rates.write(connection)
        rates.look_again(connection, {key for key in keys if rates.free(key) <= 0})

    @property
    def wants_to_reconcile(self) -> bool:
        """Whether it is time to look for what was lost."""
        return time.monotonic() >= self._reconcile_at

    def reconcile(self, connection: Connection) -> None:
        """Look at some of the doors that nobody holds a slot of. In a transaction that holds the leadership."""
        last = gate.reconcile(connection, self._reconciled, all=self._all)
        if last is None:
            self._all, self._reconcile_at = False, time.monotonic() + RECONCILE_SECONDS
        self._reconciled = last or gate.FIRST
