"""Limits in a running system: several workers and dispatchers, bodies that overlap no more than they may."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import StartSystem
from tests.functions import FOLDER
from tests.support.ledger import Ledger
from tests.support.polling import wait_until
from tests.support.scene import FUNCTIONS, PATIENCE, QUICK, Scene


@pytest.fixture
def scene(system: StartSystem, database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Scene]:
    started = system(
        functions=(FUNCTIONS, "tests.limited_functions", "tests.scheduled_functions"),
        env={**QUICK, "ANDON_LANES": "4", FOLDER: str(tmp_path)},
        dispatchers=2,
        workers=2,
    )
    with Scene(started, database_url, redis_url, Ledger(tmp_path)) as scene:
        yield scene


def visit(scene: Scene, case: str, room: int, **plan: object) -> None:
    scene.xadd("visit/requested", {"case": case, "room": room, "plan": plan})


@pytest.mark.promise
def test_bodies_overlap_no_more_than_the_limits_say_and_a_cancelled_one_gives_way_when_it_has_stopped(
    scene: Scene,
) -> None:
    visit(scene, "deaf", 1, come={"deaf": 30})
    scene.wait_step("deaf", "come")
    for number in range(12):
        visit(scene, f"v{number}", 1 + number % 3, go={"seconds": 0.05})
    wait_until(lambda: len(scene.rows("SELECT FROM andon.runs")) == 13, PATIENCE, what="all runs made")
    scene.cancel("deaf")
    scene.wait_quiet()

    rows = scene.rows(
        "SELECT status, started_at, ended_at, e.data FROM andon.runs r JOIN andon.events e ON seq = event_seq"
    )
    assert sorted(row["status"] for row in rows) == ["cancelled"] + ["completed"] * 12
    for row in rows:
        others = [each for each in rows if each["started_at"] <= row["started_at"] < each["ended_at"]]
        assert len(others) <= 2
        assert len([each for each in others if each["data"]["room"] == row["data"]["room"]]) == 1


def test_a_run_that_takes_too_long_is_stopped_in_the_middle_unless_it_was_given_more_time(scene: Scene) -> None:
    for case, more in (("late", 0), ("longer", 60)):
        scene.xadd("timed/requested", {"case": case, "more": more})
    assert scene.wait_run("longer")["status"] == "completed"
    assert [row["tag"] for row in scene.rows("SELECT tag FROM andon.run_tags")] == ["case:longer"], "it said so, too"
    late = scene.wait_run("late")
    assert (late["status"], late["cancel_cause"]) == ("cancelled", "finish_timeout")
    assert [each.what for each in scene.ledger.entries("late")] == ["begin"]


def test_ticks_overlap_as_their_schedules_say(scene: Scene) -> None:
    cases = ("skip", "queue", "cancel", "allow")

    def tick(seconds_ago: int) -> None:
        """Of a tick there is one event, ever, named by its second: so each is of another."""
        times = "next_at = now() - %s * interval '1 s', due_at = now()"
        scene.rows(f"UPDATE andon.schedules SET {times} RETURNING function_id", seconds_ago)

    def found() -> dict[str, list[str]]:
        rows = scene.rows("SELECT function_id, status FROM andon.runs ORDER BY event_seq")
        return {each: [row["status"] for row in rows if row["function_id"] == f"yearly-{each}"] for each in cases}

    wait_until(lambda: scene.one("SELECT count(*) FROM andon.schedules") == 4, PATIENCE, what="the schedules")
    tick(20)
    for case in cases:
        scene.wait_step(case, "work")
    tick(10)
    overlapping = {
        "skip": ["running"],
        "queue": ["running", "queued"],
        "cancel": ["cancelled", "running"],
        "allow": ["running", "running"],
    }
    wait_until(lambda: found() == overlapping, PATIENCE, what="the second ticks' runs")
    assert scene.rows("SELECT function_id, reason FROM andon.skips") == [
        {"function_id": "yearly-skip", "reason": "overlap"}
    ]
    for case in cases:
        scene.ledger.gate(case).touch()
    scene.wait_quiet()
    ended = {each: [status.replace("running", "completed") for status in overlapping[each]] for each in cases}
    assert found() == ended | {"queue": ["completed", "completed"]}
