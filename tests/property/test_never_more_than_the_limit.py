"""Never more runs are let in than the limits say, whatever is lost and whoever leads: a long random walk.

Peers were seen to let in three or four of two under load, and to free a slot while the old code still ran. Here every
turn of the gatekeeper is checked against what was let in before it, over kills, cancels, leader changes and deploys
with other limits; and in the end nobody is left at a door.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator

import psycopg
import pytest

from andon import CancelOn, Concurrency, Singleton, Throttle, function
from andon.adapters.postgres.cancels import wide
from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.runs import leases
from andon.adapters.postgres.runs.leases import Claimed
from andon.engine.declared.declarations import Declaration
from andon.engine.declared.gates import UNLIMITED, Gates
from andon.engine.events import Event
from andon.engine.ids import new_id
from andon_worker.dispatcher.duties.ending import reclaim
from tests.support.gated import Gated

USERS, ROOMS, LOST_LIMIT = 4, 3, 1_000
_LET_IN = """
SELECT key, count(*) FROM andon.runs r, unnest(r.gate_keys) key
WHERE r.ended_at IS NULL AND r.door IS NULL AND r.gate_keys IS NOT NULL GROUP BY key
"""
_LOSE = "UPDATE andon.runs SET lease_until = now() - interval '1 s' WHERE id = %s AND lease_until IS NOT NULL"
_LEFT = "SELECT count(*) FROM andon.runs WHERE ended_at IS NULL"
_LEFTOVER_SLOTS = "SELECT count(*) FROM andon.slots s JOIN andon.runs r ON r.id = s.run_id WHERE r.ended_at IS NOT NULL"


def functions(chance: random.Random) -> list[Declaration]:
    """What a deploy may bring: other limits, or one fewer, of functions that share a key."""
    shared = Concurrency(chance.randint(2, 4), key="'api'", scope="account")
    room = Concurrency(chance.randint(1, 3), key="data.room")
    cancel = [CancelOn("work/stopped", match="data.user")]
    return [
        function(id="a", trigger="work/asked", cancel_on=cancel, concurrency=chance.choice([[room, shared], [room]]))(
            f
        ),
        function(
            id="b",
            trigger="work/asked",
            cancel_on=cancel,
            concurrency=shared,
            singleton=Singleton("data.user", "cancel"),
        )(f),
        function(id="c", trigger="work/asked", cancel_on=cancel, concurrency=Concurrency(2, hold="active"))(f),
        function(id="d", trigger="work/asked", throttle=Throttle(1_000_000, dt.timedelta(hours=6), burst=3))(f),
    ]


def f(event: Event, step: object) -> None:
    """Never called."""


class Walk:
    """Random moves of everybody, and the check."""

    def __init__(self, database: Connection, seed: int) -> None:
        self.chance = random.Random(seed)
        self.gated = Gated(database, *functions(self.chance))
        self.db = database
        self.held: list[Claimed] = []
        self.moves = [
            *[self.open] * 6, *[self.claim] * 6, *[self.settle] * 5, self.send, self.send, self.cancel, self.suspend,
            self.lose, self.hand_over, self.deploy, self.reconcile, self.upkeep, self.cancel_many,
        ]  # fmt: skip

    def let_in(self) -> dict[object, int]:
        return dict(self.db.execute(_LET_IN).fetchall())

    def send(self) -> None:
        for _ in range(self.chance.randint(1, 4)):
            data = {"user": self.chance.randrange(USERS), "room": self.chance.randrange(ROOMS)}
            self.gated.deliver([Event("work/asked", data, id=str(new_id()))])

    def cancel(self) -> None:
        self.gated.deliver([Event("work/stopped", {"user": self.chance.randrange(USERS)}, id=str(new_id()))])

    def cancel_many(self) -> None:
        if self.chance.random() < 0.2:
            event = Event("andon/runs.cancelled", {"functionId": self.chance.choice("abcd")}, id=str(new_id()))
            self.gated.deliver([event])
            self.open()
            self.sweep()

    def sweep(self) -> None:
        while True:
            with self.db.transaction():
                if wide.sweep(self.db) is None:
                    return

    def open(self) -> None:
        """A turn, which a crash may undo; and the check."""
        before, gates = self.let_in(), Gates(self.gated.registry)
        with self.db.transaction():
            hints, _ = self.gated.gatekeeper.open(self.db)
            if self.chance.random() < 0.15:
                raise psycopg.Rollback
            self.gated.hints += [id for id, _ in hints]
        for key, count in self.let_in().items():
            limit = gates.limit(key)  # type: ignore[arg-type]
            assert limit == UNLIMITED or count <= max(limit, before.get(key, 0)), f"{count} of {limit}"

    def claim(self) -> None:
        self.gated.hints[:] = self.gated.hints[-500:]
        if self.gated.hints and (claimed := self.gated.claim()):
            self.held.append(claimed)

    def settle(self) -> None:
        """Its holder says that it has ended: perhaps one that has lost it."""
        if self.held:
            holder = self.chance.choice(self.held)
            self.gated.settle(holder, self.chance.choice(["completed", "failed"]))
            self.held.remove(holder)

    def suspend(self) -> None:
        if self.held:
            holder = self.held.pop(self.chance.randrange(len(self.held)))
            leases.suspend(self.db, holder.id, holder.fence, seconds=0, frees=holder.function_id == "c")

    def hand_over(self) -> None:
        if self.held:
            holder = self.held.pop(self.chance.randrange(len(self.held)))
            leases.suspend(self.db, holder.id, holder.fence)

    def lose(self) -> None:
        """A worker dies, and its former self may write later."""
        if self.held:
            self.db.execute(_LOSE, [self.chance.choice(self.held).id])
            reclaim(self.db, LOST_LIMIT)

    def deploy(self) -> None:
        if self.chance.random() < 0.3:
            self.gated.deploy(*functions(self.chance))

    def reconcile(self) -> None:
        if self.chance.random() < 0.2:
            self.gated.reconcile()

    def upkeep(self) -> None:
        self.gated.upkeep()

    def come_to_rest(self) -> None:
        """Everybody goes on until nothing is open: no run is stuck, whatever was lost."""
        for _ in range(20_000):
            self.db.execute("UPDATE andon.runs SET lease_until = now() - interval '1 s' WHERE lease_until IS NOT NULL")
            reclaim(self.db, LOST_LIMIT)
            self.gated.upkeep()
            self.open()
            hints = self.db.execute("SELECT id FROM andon.runs WHERE status = 'queued' AND door IS NULL").fetchall()
            for (id,) in hints:
                claimed = leases.claim(self.db, id, worker="me", lease=60)
                claimed = claimed or leases.claim(self.db, id, worker="me", lease=60, alone=True)
                if claimed is not None:
                    self.gated.settle(claimed)
            if self.gated.one(_LEFT) == 0:
                return
        pytest.fail(f"stuck: {self.gated.statuses()}")


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    with connect(database_url, name="test") as connection:
        yield connection


@pytest.mark.parametrize("most", [150, pytest.param(10_000, marks=pytest.mark.slow)])
def test_never_more_are_let_in_than_the_limits_say_and_nobody_is_left_at_a_door(
    database: Connection, most: int
) -> None:
    walk = Walk(database, seed=most)
    while walk.gated.one("SELECT count(*) FROM andon.runs") < most:
        walk.chance.choice(walk.moves)()
    walk.come_to_rest()
    walk.gated.deploy(*functions(walk.chance))
    walk.gated.reconcile()
    assert walk.gated.one(_LEFTOVER_SLOTS) == 0
    assert walk.gated.statuses().keys() <= {"completed", "failed", "cancelled"}
