"""What a run's steps are shown as: recorded, under way, cut short; each with all that was tried."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from andon_api.reads.attempts import all_of, of_handler

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def at(seconds: float) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


def step(id: str, status: str = "completed", attempt: int = 1) -> dict[str, Any]:
    times = {"started_at": at(0), "ended_at": at(1)}
    return {"id": id, "status": status, "attempt": attempt, "error": None, "worker_id": "w", **times}


def tried(step: str | None, attempt: int, status: str = "failed") -> dict[str, Any]:
    times = {"started_at": at(0), "ended_at": at(1)}
    return {"step": step, "attempt": attempt, "status": status, "error": {"message": "no"}, "worker_id": "w", **times}


def run(**changes: Any) -> dict[str, Any]:
    base = {"status": "running", "ended_at": None, "current_step": None, "step_started_at": None, "worker_id": "w"}
    return {**base, "error": None, **changes}


def told(steps: list[dict[str, Any]]) -> list[tuple[str, str, list[tuple[int, str]]]]:
    return [(s["id"], s["status"], [(a["attempt"], a["status"]) for a in s["attempts"]]) for s in steps]


def test_a_step_that_did_it_at_once_is_its_own_only_attempt() -> None:
    assert told(all_of(run(), [step("a")], [])) == [("a", "completed", [(1, "completed")])]


def test_what_failed_before_is_told_before_what_did_it() -> None:
    found = all_of(run(), [step("a", attempt=3)], [tried("a", 1), tried("a", 2)])
    assert told(found) == [("a", "completed", [(1, "failed"), (2, "failed"), (3, "completed")])]


def test_a_failure_is_told_once_and_also_where_only_the_step_knows_it() -> None:
    assert told(all_of(run(), [step("a", "retrying")], [tried("a", 1)])) == [("a", "retrying", [(1, "failed")])]
    assert told(all_of(run(), [step("a", "failed", 2)], [])) == [("a", "failed", [(2, "failed")])]


def test_the_step_under_way_is_told_before_it_is_recorded() -> None:
    found = all_of(run(current_step="b", step_started_at=at(5)), [step("a")], [])
    assert told(found)[1:] == [("b", "running", [(1, "running")])]
    again = all_of(run(current_step="a", step_started_at=at(5)), [step("a", "retrying")], [tried("a", 1)])
    assert told(again) == [("a", "running", [(1, "failed"), (2, "running")])]


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_the_step_that_a_run_has_stopped_in_is_told(status: str) -> None:
    ended = run(status=status, ended_at=at(7), current_step="b", step_started_at=at(5))
    assert told(all_of(ended, [step("a")], []))[1:] == [("b", status, [(1, status)])]
    assert told(all_of(ended, [step("b", "failed")], [])) == [("b", "failed", [(1, "failed")])]


@pytest.mark.parametrize(
    ("kept", "attempt"), [("sleeping", "cancelled"), ("waiting", "cancelled"), ("retrying", "failed")]
)
def test_what_waited_when_the_run_ended_is_cut_off_then(kept: str, attempt: str) -> None:
    [cut] = all_of(run(status="failed", ended_at=at(7)), [step("a", kept)], [])
    assert told([cut]) == [("a", "cancelled", [(1, attempt)])]
    assert cut["ended_at"] == at(7)


def test_a_step_that_takes_its_workers_with_it_is_told_each_time() -> None:
    error = {"type": "WorkerLost", "message": "3 workers were lost", "step": "b"}
    ended = run(status="failed", ended_at=at(7), current_step="b", step_started_at=at(5), error=error)
    [found] = all_of(ended, [], [tried("b", 1, "lost"), tried("b", 1, "lost")])
    assert told([found]) == [("b", "failed", [(1, "lost"), (1, "lost"), (1, "failed")])]
    assert found["error"] == error


def test_between_two_workers_the_lost_step_waits_for_its_next_attempt() -> None:
    assert told(all_of(run(), [], [tried("b", 1, "lost")])) == [("b", "retrying", [(1, "lost")])]


def test_attempts_outside_the_steps_are_the_handlers() -> None:
    found = [tried(None, 1), tried("a", 1)]
    assert [(each["attempt"], each["worker"]) for each in of_handler(found)] == [(1, "w")]
