"""Rows 15 and 24: clocks that are wrong, those of Andon's machines, and Redis' own, set back after it was emptied."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests.faults.conftest import Stage
from tests.faults.wrong_clock import clock_off_by, clocked_redis
from tests.support.ledger import Entry
from tests.support.polling import wait_until
from tests.support.scene import Scene

LEASE = 2.0
TEN_MINUTES = 600
NEAR = 120.0  # what a busy machine may take for a test, and far less than ten minutes
FAST_AND_SLOW = pytest.mark.parametrize("off", [TEN_MINUTES, pytest.param(-TEN_MINUTES, marks=pytest.mark.slow)])
GATED = {"gate": True}


def test_15_a_redis_whose_clock_is_set_back_after_flushall_loses_nothing_that_comes_then(
    stage: Stage, tmp_path: Path
) -> None:
    with clocked_redis(tmp_path / "redis") as redis:
        scene = stage(redis_url=redis.url, workers=1, env={"ANDON_LANES": "3"})
        scene.wait_leader()
        for case in ("goes-on", "by-bus", "by-api"):
            last = scene.request(case, steps=2, plan={"step-1": GATED})
            scene.wait_step(case, "step-1")
        queued = [f"queued-{number}" for number in range(3)]
        for case in queued:
            last = scene.request(case, steps=1)
            scene.wait_run(case, "queued")

        scene.redis.flushall()
        redis.set_off_by(-TEN_MINUTES)
        # Their ids are ten minutes older than those of the requests. What counts is the order in which they came.
        cancel = scene.cancel("by-bus")
        scene.post("walk/cancelled", {"case": "by-api"})
        later = scene.request("later", steps=1)
        scene.post("walk/requested", {"case": "later-by-api", "steps": 1})
        assert age(cancel) - age(last) == pytest.approx(TEN_MINUTES, abs=NEAR)
        assert age(later) - age(last) == pytest.approx(TEN_MINUTES, abs=NEAR)

        for case in ("by-bus", "by-api"):
            assert scene.wait_run(case)["status"] == "cancelled"
        scene.ledger.open("goes-on")
        for case in ("goes-on", "later", "later-by-api", *queued):
            assert scene.wait_run(case)["status"] == "completed"
        scene.wait_quiet()
        assert all(
            len(scene.runs(case)) == 1 for case in ("goes-on", "by-bus", "by-api", "later", "later-by-api", *queued)
        )
        assert all(scene.ledger.steps(case) == ["step-1"] for case in ("later", "later-by-api", *queued))


@FAST_AND_SLOW
def test_24_machines_whose_clocks_are_ten_minutes_off_hold_hand_over_and_stop_runs_as_others_do(
    stage: Stage, off: int
) -> None:
    here, there = clock_off_by(off), clock_off_by(-off)
    scene = stage(
        workers=2,
        env={"ANDON_LANES": "2"},
        each={"api": here, "dispatcher-1": there, "worker-1": here, "worker-2": there},
    )
    cases = [f"walk-{number}" for number in range(4)]  # as many as there are threads, so each worker has two
    for case in cases:
        scene.request(case, steps=3, nap=0.3, plan={"step-2": GATED})
    for case in cases:
        scene.wait_step(case, "step-2")
    stays, goes = scene.system.workers
    held = {each: [case for case in cases if begun(scene, case).pid == each.pid] for each in (stays, goes)}
    assert [len(each) for each in held.values()] == [2, 2]
    for worker, ahead in ((stays, off), (goes, -off)):
        assert begun(scene, held[worker][0]).at == pytest.approx(time.time() + ahead, abs=NEAR)
    assert made_at(scene, "walk-0") == pytest.approx(time.time() - off, abs=NEAR)
    assert clock_of_the_api(scene) == pytest.approx(time.time() + off, abs=NEAR)

    leases = "SELECT min(lease_until) AS first, extract(epoch FROM max(lease_until) - now()) AS left FROM andon.runs"
    before = scene.rows(leases)[0]["first"]
    wait_until(lambda: scene.rows(leases)[0]["first"] > before, what="a heartbeat of each worker")
    assert scene.rows(leases)[0]["left"] < LEASE + 0.1
    for case in held[stays]:
        scene.post("walk/cancelled", {"case": case})
        scene.wait_run(case, "cancelled")
    goes.kill()
    for case in held[goes]:
        scene.wait_step(case, "step-2", times=2)
        scene.ledger.open(case)
        run = scene.wait_run(case, "completed")
        assert (run["fence"], run["attempt"]) == (3, 1)  # claimed at first, after the nap, and again
        assert scene.ledger.steps(case) == ["step-1", "step-2", "step-2", "step-3"]
    assert all(each.pid == stays.pid for case in held[goes] for each in scene.ledger.begins(case, "step-3"))
    scene.wait_quiet()
    assert not written_by_another_clock(scene)


@FAST_AND_SLOW
def test_24_an_api_whose_clock_is_ten_minutes_off_shows_what_the_others_show(stage: Stage, off: int) -> None:
    scene = stage(dispatchers=1, each={"api": clock_off_by(off)})
    report = scene.report(compute=GATED)
    scene.generate(report)
    scene.wait_step(report, "compute")
    [run] = scene.runs(report)
    assert clock_of_the_api(scene) == pytest.approx(time.time() + off, abs=NEAR)
    change = (
        "UPDATE andon.runs SET queued_at = now() - interval '4 min', started_at = now() - interval '3 min',"
        " estimated_end_at = now() + %s * interval '1 min' WHERE id = %s RETURNING id"
    )

    def told(minutes: int) -> set[bool]:
        scene.one(change, minutes, run["id"])  # each time: a heartbeat may clear it before it is looked at
        shown = scene.show_report(report)
        page = scene.api.get(f"{scene.system.url}/reports/{report}").text
        return {each["estimatedEndAt"] is not None for each in (shown, shown["run"])} | {"min left" in page}

    wait_until(lambda: told(5) == {True}, what="an end that is to come")
    wait_until(lambda: told(-5) == {False}, what="none that is past")
    for path, took in ((f"/runs/{run['id']}", "3 minutes ago"), ("/runs", "3 min 0")):
        page = scene.api.get(scene.system.url + path).text
        assert "4 minutes ago" in page
        assert took in page
    scene.ledger.open(report)
    assert scene.wait_run(report)["status"] == "completed"


def age(stream_id: str) -> float:
    """How long ago an entry was added, as its id says."""
    return time.time() - int(stream_id.partition("-")[0]) / 1000


def begun(scene: Scene, case: str) -> Entry:
    """Who executes a case's second step, and what time it is there."""
    return scene.ledger.begins(case, "step-2")[0]


def made_at(scene: Scene, case: str) -> float:
    """What the time was where the run was made: its id tells."""
    return float(scene.runs(case)[0]["id"].int >> 80) / 1000


def clock_of_the_api(scene: Scene) -> float:
    """What the time is where the API is."""
    return parsedate_to_datetime(scene.api.get("/functions").headers["Date"]).timestamp()


def written_by_another_clock(scene: Scene) -> list[str]:
    """The columns in which a time stands that isn't near Postgres' own, but for a deadline, which lies ahead."""
    columns = scene.rows(
        "SELECT table_name AS table, column_name AS column FROM information_schema.columns"
        " WHERE table_schema = 'andon' AND data_type LIKE 'timestamp%%'"
        " AND column_name <> 'cancel_deadline_at'"
    )
    query = 'SELECT 1 FROM andon."{table}" WHERE abs(extract(epoch FROM "{column}" - now())) > {near}'
    return ["{table}.{column}".format(**each) for each in columns if scene.rows(query.format(**each, near=NEAR))]
