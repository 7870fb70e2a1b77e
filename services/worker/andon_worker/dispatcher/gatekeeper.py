"""The gatekeeper: looks at the doors that are due, and lets in as many runs as are free."""

from __future__ import annotations

import time
import uuid
from typing import Any, NamedTuple

import psycopg

from andon.adapters.postgres import gate
from andon.engine.functions import Registry
from andon.engine.gates import Limits
from andon.engine.opening import decide

RECONCILE_SECONDS = 60.0


class Opened(NamedTuple):
    """What one turn did: the runs to hint, each with its line, and whether more doors are due."""

    hints: list[tuple[uuid.UUID, str]]
    more: bool


class Gatekeeper:
    """Belongs to the dispatcher that leads. All it knows of doors is rows: another takes over with nothing to learn."""

    def __init__(self, registry: Registry) -> None:
        self._limits = Limits(registry)
        self._reconcile_at = 0.0
        self._reconciled: uuid.UUID = gate.FIRST
        self._all = True

    def lead(self) -> None:
        """Begin: limits may be others than those of who led before, so every door is looked at."""
        self._reconcile_at, self._reconciled, self._all = 0.0, gate.FIRST, True

    def open(self, connection: psycopg.Connection[Any]) -> Opened:
        """Look at some of the doors that are due. In a transaction that holds the leadership."""
        due = gate.take_due(connection)
        if not due:
            return Opened([], False)
        free = self._free(connection, due)
        lines, cut = gate.lines(connection, {key: number for key, number in free.items() if number > 0})
        standing = {each.candidate.run_id: each for line in lines.values() for each in line}
        others = {key for each in standing.values() for key in each.candidate.keys} - free.keys()
        free |= self._free(connection, others)
        decision = decide(
            {door: [each.candidate for each in line] for door, line in lines.items()},
            free,
            wide=self._limits.wide,
            whole=lambda door: door not in cut,
        )
        return Opened(gate.apply(connection, decision, standing), bool(decision.again) or len(due) >= gate.DOORS)

    def _free(
        self, connection: psycopg.Connection[Any], keys: list[uuid.UUID] | set[uuid.UUID]
    ) -> dict[uuid.UUID, int]:
        held = gate.held(connection, keys)
        return {key: self._limits.limit(key) - held.get(key, 0) for key in keys}

    @property
    def wants_to_reconcile(self) -> bool:
        """Whether it is time to look for what was lost."""
        return time.monotonic() >= self._reconcile_at

    def reconcile(self, connection: psycopg.Connection[Any]) -> None:
        """Look at some of the doors that nobody holds a slot of. In a transaction that holds the leadership."""
        last = gate.reconcile(connection, self._reconciled, all=self._all)
        if last is None:
            self._all, self._reconcile_at = False, time.monotonic() + RECONCILE_SECONDS
        self._reconciled = last or gate.FIRST
