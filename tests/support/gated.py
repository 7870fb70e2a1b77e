"""A gate with its runs and their holders, driven by hand on a real database."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from andon.adapters.cel import check_expression
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.doors.pauses import Pauses
from andon.adapters.postgres.duties import hinted
from andon.adapters.postgres.registered import functions
from andon.adapters.postgres.runs import leases
from andon.adapters.postgres.runs.leases import Claimed
from andon.adapters.postgres.runs.settle import End, Settled, settle_held
from andon.engine.declared.declarations import Declaration
from andon.engine.declared.functions import Registry
from andon.engine.events import Event
from andon.engine.ids import new_id
from andon_worker.dispatcher.batches.batch import Effects, record_batch
from andon_worker.dispatcher.gatekeeper import Gatekeeper

_STATUSES = "SELECT status, count(*) FROM andon.runs WHERE kind = 'function' GROUP BY status"
_LET_IN = """
SELECT count(*) FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq
WHERE r.ended_at IS NULL AND r.door IS NULL AND r.kind = 'function'
    AND (%(user)s::text IS NULL OR e.data->>'user' = %(user)s)
"""


class Gated:
    """What the dispatcher and workers do, one verb at a time."""

    def __init__(self, connection: Connection, *declared: Declaration) -> None:
        self.db = connection
        self.hints: list[uuid.UUID] = []
        self.effects = Effects()
        self.pauses = Pauses()
        self.deploy(*declared)

    def deploy(self, *declared: Declaration) -> None:
        """Other functions, or other limits; who leads is new."""
        self.registry = Registry(declared, check_expression=check_expression)
        functions.register(self.db, self.registry)
        self.gatekeeper = Gatekeeper(self.registry, self.pauses)

    def send(self, *data: dict[str, Any], name: str = "work/asked", tenant: str = "default") -> list[uuid.UUID]:
        """Events that the dispatcher handles in one batch; returns the runs, in their order."""
        self.deliver([Event(name, each, id=str(new_id()), tenant=tenant) for each in data])
        rows = self.db.execute("SELECT id FROM andon.runs WHERE kind = 'function' ORDER BY event_seq, id").fetchall()
        return [id for (id,) in rows[-len(data) :]]

    def deliver(self, events: list[Event]) -> None:
        """A batch."""
        with self.db.transaction():
            self.effects = record_batch(self.db, self.registry, events, [None] * len(events), pauses=self.pauses)
        self.hints += [id for id, _ in self.effects.started]

    def open(self) -> int:
        """The gatekeeper's turns, until nothing is due; returns how many were let in."""
        let_in = 0
        while True:
            with self.db.transaction():
                hints, more = self.gatekeeper.open(self.db)
            self.hints += [id for id, _ in hints]
            let_in += len(hints)
            if not more:
                return let_in

    def reconcile(self) -> None:
        """What is done once a minute."""
        with self.db.transaction():
            self.gatekeeper.reconcile(self.db)

    def upkeep(self) -> None:
        """Sleepers wake, and who has no hint gets one."""
        with self.db.transaction():
            hints = hinted.wake(self.db) + hinted.unsent(self.db)
        self.hints += [id for id, _ in hints]

    def claim(self, **finish: float) -> Claimed | None:
        """A worker follows the oldest hint; `finish` is what it knows of finish time-outs."""
        return leases.claim(self.db, self.hints.pop(0), worker="me", lease=60, finish=finish) if self.hints else None

    def claim_all(self) -> list[Claimed]:
        """Workers follow every hint."""
        found = [self.claim() for _ in list(self.hints)]
        return [each for each in found if each is not None]

    def settle(self, claimed: Claimed, status: str = "completed") -> list[Settled]:
        """Its code has ended."""
        return settle_held(self.db, [End(claimed.id, claimed.fence, status)], frees=True)

    def statuses(self) -> dict[str, int]:
        """How many runs have which status."""
        return dict(self.db.execute(_STATUSES).fetchall())

    def let_in(self, user: str | None = None) -> int:
        """How many runs are let in and open."""
        row = self.db.execute(_LET_IN, {"user": user}).fetchone()
        return int(row[0]) if row else 0

    def at_doors(self) -> int:
        """How many wait to be let in."""
        return int(self.one("SELECT count(*) FROM andon.runs WHERE status = 'queued' AND door IS NOT NULL"))

    def one(self, query: str, *values: Any) -> Any:
        """The only value."""
        row = self.db.execute(query.encode(), values).fetchone()
        return None if row is None else row[0]


def users(*names: Any) -> Iterable[dict[str, Any]]:
    """Data of events of these users."""
    return [{"user": each} for each in names]


__all__ = ["Gated", "users"]
