"""A bus of several partitions: whoever sends a half of a pair, and wherever to, the outcome is what the seqs say.

The first partition is `andon:events`, and gets everything that producers outside add; the API's events are spread. So
many pairs are split between two dispatchers at work at once.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count

import httpx
import pytest

from andon.adapters.redis.bus import PLACING
from andon.engine.events import Event
from andon.engine.partitions import Partitions
from tests.faults.conftest import Stage
from tests.faults.test_pairs import break_dispatchers
from tests.polling import wait_until
from tests.scene import STREAM, Scene

FOUR = {"ANDON_BUS_PARTITIONS": "4"}
STREAMS = [STREAM, *(f"{STREAM}:{partition}" for partition in (1, 2, 3))]

_PAIRS = """
FROM andon.events e JOIN andon.events c ON c.name = 'walk/cancelled' AND c.data->>'case' = e.data->>'case'
JOIN andon.runs r ON r.event_seq = e.seq AND r.kind = 'function' WHERE e.name = 'walk/requested'
"""
_WRONG = f"SELECT e.data, r.status, e.seq AS request, c.seq AS cancel {_PAIRS} AND (c.seq > e.seq) <> "
_LEADERS = "SELECT partition, holder FROM andon.dispatcher_leases WHERE lease_until > clock_timestamp()"


@pytest.mark.parametrize("pairs", [300, pytest.param(5_000, marks=pytest.mark.slow)])
def test_26_pairs_split_between_dispatchers_that_die_have_the_outcome_that_their_seq_says(
    stage: Stage, pairs: int
) -> None:
    scene = stage(dispatchers=2, workers=1, env=FOUR)
    wait_spread(scene)
    rng = random.Random(4)
    sent = threading.Event()

    def send_all() -> None:
        try:
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda number: send_pair(scene, number), range(pairs)))
        finally:
            sent.set()

    with ThreadPoolExecutor(1) as sender:
        sending = sender.submit(send_all)
        break_dispatchers(scene, rng, sent)
        sending.result()
    for each in scene.system.dispatchers:
        each.resume()
    judge(scene, pairs)
    assert all(scene.redis.xlen(stream) for stream in STREAMS)


def test_the_bus_grows_from_one_partition_to_four_under_load(stage: Stage) -> None:
    scene = stage(dispatchers=2, workers=1)
    scene.wait_leader()
    enough, numbers = threading.Event(), count()

    def send_on() -> int:
        pairs = 0
        while not enough.is_set():
            send_pair(scene, next(numbers))
            pairs += 1
        return pairs

    with ThreadPoolExecutor(3) as pool:
        sending = [pool.submit(send_on) for _ in range(3)]
        try:
            wait_runs(scene, 30)
            for process in (*scene.system.dispatchers, *scene.system.workers, scene.system["api"]):
                assert process.stop() == 0
                process.start(**FOUR)
                wait_runs(scene, 10)
            wait_until(lambda: all(scene.redis.xlen(stream) > 10 for stream in STREAMS), 40, what="every stream used")
            wait_spread(scene)
        finally:
            enough.set()
        pairs = sum(each.result() for each in sending)
    judge(scene, pairs)


def test_a_dispatcher_that_is_gone_leaves_its_partitions_to_the_other_and_gets_some_when_it_is_back(
    stage: Stage,
) -> None:
    scene = stage(dispatchers=2, env=FOUR)
    wait_spread(scene)
    first, second = scene.system.dispatchers
    first.kill()
    wait_until(lambda: leaders(scene) == {second.pid: 4}, 30, what="one leads all")
    first.start()
    wait_spread(scene)
    assert second.stop() == 0
    wait_until(lambda: leaders(scene) == {first.pid: 4}, 30, what="the other leads all")


def test_15_every_partition_is_made_anew_in_a_redis_that_was_emptied(stage: Stage) -> None:
    scene = stage(dispatchers=2, env=FOUR)
    wait_spread(scene)
    for number in range(20):
        send_pair(scene, number)
    judge(scene, 20)
    scene.redis.flushall()
    for number in range(20, 60):
        send_pair(scene, number)
    judge(scene, 60)
    wait_until(lambda: all(scene.redis.xinfo_groups(stream) for stream in STREAMS), what="a group for each")


def test_a_cancel_waits_for_the_request_that_another_dispatcher_is_about_to_commit(stage: Stage) -> None:
    scene = stage(dispatchers=2, env=FOUR)
    wait_spread(scene)
    case = case_of(scene, partition=2)
    with half_done(scene, case, STREAM):
        scene.post("walk/cancelled", {"case": case})
        scene.wait_blocked("andon-dispatcher", sessions=2)
        for flag in scene.redis.scan_iter("andon:flag:*"):
            scene.redis.delete(flag)  # what is right, is right without Redis
    assert scene.wait_run(case)["status"] == "cancelled"


def test_a_sweep_waits_for_the_runs_that_another_dispatcher_is_about_to_commit(stage: Stage) -> None:
    scene = stage(dispatchers=2, env=FOUR)
    wait_spread(scene)
    with half_done(scene, "unswept", STREAMS[2]):
        assert scene.api.post("/cancellations", json={"functionId": "walk"}).status_code == 202
        scene.wait_blocked("andon-dispatcher", sessions=2)
    assert scene.wait_run("unswept")["status"] == "cancelled"


@contextmanager
def half_done(scene: Scene, case: str, stream: str) -> Iterator[None]:
    """For as long as the block lasts, a dispatcher has made the run of this case, and can't commit.

    Its batch also cancels another run, whose row is locked.
    """
    scene.request("held", plan={"step-1": {"gate": True}})
    scene.wait_step("held", "step-1")
    with scene.holding("SELECT FROM andon.runs WHERE id = %s FOR UPDATE", scene.runs("held")[0]["id"]):
        with scene.redis.pipeline(transaction=True) as pipe:
            pipe.xadd(stream, {"name": "walk/cancelled", "data": json.dumps({"case": "held"})})
            pipe.xadd(stream, {"name": "walk/requested", "data": json.dumps({"case": case, "nap": 3600})})
            pipe.execute()
        scene.wait_blocked("andon-dispatcher")
        yield


def case_of(scene: Scene, *, partition: int) -> str:
    """A case whose events are placed in this partition."""
    placing = Partitions(4, {"walk/requested": "data.case"})
    wait_until(lambda: scene.redis.hgetall(PLACING).get("walk/cancelled") == "data.case", what="what dispatchers tell")
    names = (f"case-{number}" for number in count())
    return next(name for name in names if placing.place(Event("walk/requested", {"case": name})) == partition)


def send_pair(scene: Scene, number: int) -> None:
    """A request and its cancel, each by a way of its own; one after the other, or both at once."""
    case = f"pair-{number}"
    rng = random.Random(number)
    events = [("walk/requested", {"case": case, "steps": 1, "nap": 3600}), ("walk/cancelled", {"case": case})]
    rng.shuffle(events)
    ways = [rng.choice([by_bus, by_api]) for _ in events]
    threads = [threading.Thread(target=way, args=(scene, *event)) for way, event in zip(ways, events, strict=True)]
    at_once = rng.random() < 0.5
    for thread in threads:
        thread.start()
        if not at_once:
            thread.join()
    for thread in threads:
        thread.join()


def by_bus(scene: Scene, name: str, data: dict[str, object]) -> None:
    """As a producer does that knows one stream."""
    scene.xadd(name, data)


def by_api(scene: Scene, name: str, data: dict[str, object]) -> None:
    """Until it is accepted: the API may be starting again."""

    def accepted() -> bool:
        try:
            scene.post(name, data, **{"Idempotency-Key": f"{name} {data['case']}"})
        except httpx.TransportError:
            return False
        return True

    wait_until(accepted, 60, what=f"{name} {data['case']} accepted")


def judge(scene: Scene, pairs: int) -> None:
    """Once everything is handled: a run for each request, cancelled exactly if the cancel's seq is the larger."""
    outbox = "SELECT count(*) FROM andon.outbox"
    wait_until(lambda: scene.one(outbox) == 0 and scene.handled(), 120, what="every entry handled")
    assert scene.one(f"SELECT count(*) {_PAIRS}") == pairs
    right = _WRONG + "(r.status IN ('cancelled', 'cancelling'))"
    assert scene.rows(right) == []
    wait_until(lambda: not scene.rows(_WRONG + "(r.status = 'cancelled')"), 60, what="what is cancelled has ended")


def wait_runs(scene: Scene, more: int) -> None:
    """Until there are so many more runs."""
    runs = "SELECT count(*) FROM andon.runs"
    before = scene.one(runs)
    wait_until(lambda: scene.one(runs) >= before + more, 40, what=f"{more} more runs")


def leaders(scene: Scene) -> Counter[int]:
    """How many partitions each process leads, by its pid."""
    return Counter(int(row["holder"].split(":")[1]) for row in scene.rows(_LEADERS))


def wait_spread(scene: Scene) -> None:
    """Until two dispatchers lead two partitions each."""
    pids = [each.pid for each in scene.system.dispatchers]
    wait_until(lambda: leaders(scene) == dict.fromkeys(pids, 2), 40, what="two partitions each")
