"""Priority and fairness: the backlog stays in Postgres, in the order in which it is to go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from andon import Concurrency, Priority, function
from andon.adapters.postgres import workers
from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.runs import leases
from andon_worker.dispatcher.gatekeeper import AHEAD
from tests.support.gated import Gated


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    with connect(database_url, name="test") as connection:
        yield connection


def gated(database: Connection, **said: Any) -> Gated:
    return Gated(database, function(id="work", trigger="work/asked", **said)(lambda event, step: None))


def served(scene: Gated, count: int, field: str) -> list[Any]:
    """What the next runs say, one after the other, as workers with one lane take them."""
    found: list[Any] = []
    while len(found) < count:
        scene.open()
        claimed = scene.claim()
        assert claimed
        found.append(claimed.event.data[field])
        scene.settle(claimed)
    return found


def test_who_has_priority_goes_before_those_that_came_earlier(database: Connection) -> None:
    scene = gated(database, priority=Priority("event.data.pro ? 300 : 0"), concurrency=Concurrency(1))
    scene.send({"pro": False, "n": 1}, {"pro": False, "n": 2}, {"pro": True, "n": 3}, {"pro": True, "n": 4})
    assert served(scene, 4, "n") == [3, 4, 1, 2]


@pytest.mark.parametrize("run", ["event.data.missing", "event.name", "event.data.n > 0"])
def test_a_priority_without_a_number_is_none(database: Connection, run: str) -> None:
    scene = gated(database, priority=Priority(run), concurrency=Concurrency(1))
    scene.send({"n": 1}, {"n": 2})
    assert served(scene, 2, "n") == [1, 2]


def test_so_many_are_let_in_to_a_queue_as_its_workers_can_take_and_the_rest_can_be_overtaken(
    database: Connection,
) -> None:
    scene = gated(database, priority=Priority("event.data.p"))
    workers.seen(database, workers.Present("w", 2, 0, "1", "1", ["default"], 1))
    with database.transaction():
        scene.gatekeeper.look_at_queues(database)
    scene.send(*[{"p": 0, "n": n} for n in range(20)])
    assert scene.open() == 2 * AHEAD
    scene.send({"p": 60, "n": 99})
    assert served(scene, 2 * AHEAD + 1, "n") == [*range(2 * AHEAD), 99]


def test_each_key_has_its_turn_however_many_runs_another_has(database: Connection) -> None:
    scene = gated(database, fair="data.user", concurrency=Concurrency(1))
    scene.send(*[{"user": "hog"} for _ in range(30)])
    served(scene, 5, "user")
    scene.send({"user": "a"}, {"user": "b"}, {"user": "a"})
    next_ones = served(scene, 6, "user")
    assert (next_ones.count("a"), next_ones.count("b")) == (2, 1)


def test_who_was_served_long_ago_is_not_put_back_for_it(database: Connection) -> None:
    scene = gated(database, fair="data.user", concurrency=Concurrency(1))
    scene.send(*[{"user": "early"} for _ in range(10)])
    served(scene, 10, "user")
    scene.send({"user": "early"}, {"user": "late"})
    assert served(scene, 2, "user") == ["early", "late"]


def test_runs_that_sleep_leave_their_place_in_the_queue_to_others(database: Connection) -> None:
    scene = gated(database, priority=Priority(0))
    scene.send(*[{"n": n} for n in range(2 * AHEAD)])
    scene.open()
    for claimed in scene.claim_all():
        assert leases.suspend(database, claimed.id, claimed.fence, seconds=3600)
    with database.transaction():
        scene.gatekeeper.look_at_queues(database)
    assert scene.open() == AHEAD
