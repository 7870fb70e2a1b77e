"""`step.wait_for_event` and `step.wait_for_any`: what is waited for, and what comes of it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from andon import AsyncStep, Event, Step, Wait
from andon.engine.execution import Completed, Failed, Suspended
from andon.engine.steps.waiting import told, wait_key
from tests.unit.engine.conftest import Run

TRIGGER = Event("test/run.requested", {"id": 7, "none": None})


def waiting_of(outcome: Any) -> Any:
    assert isinstance(outcome, Suspended), outcome
    assert outcome.waiting is not None
    return outcome.waiting


def test_a_run_that_waits_goes_on_with_the_event_that_has_come(run: Run) -> None:
    def handler(event: Event, step: Step) -> Any:
        came = step.wait_for_event("approved", "a/approved", match="data.id", timeout=60)
        return came and [came.id, came.seq, came.data["by"]]

    waiting = waiting_of(run.go(handler, TRIGGER))
    [wanted] = waiting.awaited
    assert wanted.key == wait_key("default", "a/approved", "data.id", {"id": 7.0})
    assert wanted.key != wait_key("default", "a/approved", "data.id", {"id": "7"})
    run.journal.wait(waiting)
    assert waiting_of(run.go(handler, TRIGGER)) == waiting
    run.journal.arrive("approved", output=told(0, Event("a/approved", {"id": 7, "by": "kim"}, "e9", seq=9)))
    assert run.go(handler, TRIGGER) == Completed('["e9",9,"kim"]')


def test_at_the_time_out_there_is_no_event(run: Run) -> None:
    async def handler(event: Event, step: Any) -> Any:
        assert isinstance(step, AsyncStep)
        return [await step.wait_for_event("one", "a/b", timeout=60), await step.wait_for_any("any", WAITS, timeout=0)]

    WAITS = [Wait("a/b"), Wait("a/c")]
    for seconds in (60.0, 0.0):
        run.journal.wait(waiting_of(run.go(handler, TRIGGER)))
        run.journal.advance(seconds)
    assert run.go(handler, TRIGGER) == Completed("[null,[null,null]]")


def test_what_one_wait_has_had_another_of_the_same_event_and_match_does_not_get(run: Run) -> None:
    def handler(event: Event, step: Step) -> None:
        step.wait_for_any("first", [Wait("a/b", "data.id"), Wait("a/c")])
        step.wait_for_any("second", [Wait("a/b", "data.id", if_="true"), Wait("a/b"), Wait("a/c")])

    run.journal.wait(waiting_of(run.go(handler, TRIGGER)))
    run.journal.arrive("first", output=told(0, Event("a/b", {"id": 7}, seq=9)))
    assert [each.consumed for each in waiting_of(run.go(handler, TRIGGER)).awaited] == [(9,), (), ()]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"event": "a b"}, "the name of an event"),
        ({"event": "a/b", "match": "id"}, "not a path"),
        ({"event": "a/b", "match": "data.other"}, "has no value there"),
        ({"event": "a/b", "match": "data.none"}, "has no value there"),
        ({"event": "a/b", "if_": " "}, "expected a CEL expression"),
        ({"event": "a/b", "timeout": -1}, "timeout=-1"),
        ({"event": "a/b", "timeout": math.nan}, "timeout=nan"),
        ({"event": "a/b", "since": "ever"}, "expected 'run' or 'wait'"),
    ],
)
def test_a_wait_that_can_not_be_meant_fails_the_run_and_says_why(run: Run, said: dict[str, Any], why: str) -> None:
    outcome = run.go(lambda event, step: step.wait_for_event("w", said.pop("event"), **said), TRIGGER)
    assert isinstance(outcome, Failed)
    assert "'w'" in outcome.error["message"]
    assert why in outcome.error["message"]


def test_a_step_waits_for_one_to_ten_events(run: Run) -> None:
    for waits in ([], [Wait("a/b")] * 11, ["a/b"]):
        said: Any = waits
        assert isinstance(run.go(lambda event, step, said=said: step.wait_for_any("w", said)), Failed)  # type: ignore[misc]
