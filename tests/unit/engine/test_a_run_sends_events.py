"""`step.send_event`: what may be sent, under which ids, and when nothing is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from andon import AsyncStep, Event, Step
from andon.engine.errors import QueueFull
from andon.engine.execution import Completed, Failed, Stopped, Suspended
from andon.engine.ports import Attempt
from andon.engine.steps.sending import MOST_SENT, event_id
from andon.engine.stops import Cause
from andon.testing import MemoryJournal
from tests.unit.engine.conftest import Run


def test_events_are_sent_once_however_often_the_run_is_replayed(run: Run) -> None:
    def handler(event: Event, step: Step) -> list[str]:
        ids = step.send_event("tell", Event("a/b", {"n": 1}), Event("a/c"))
        step.sleep("nap", 1)
        return ids

    assert isinstance(run.go(handler), Suspended)
    run.journal.advance(1)
    assert run.go(handler) == Completed('["step:r1:tell:0","step:r1:tell:1"]')
    assert [(each.name, each.id) for each in run.journal.sent] == [
        ("a/b", "step:r1:tell:0"),
        ("a/c", "step:r1:tell:1"),
    ]


def test_an_async_handler_awaits_it(run: Run) -> None:
    async def handler(event: Event, step: Any) -> list[str]:
        assert isinstance(step, AsyncStep)
        return await step.send_event("tell", Event("a/b", id="of its own"))

    assert run.go(handler) == Completed('["of its own"]')


def test_a_cancelled_run_sends_nothing(run: Run) -> None:
    def handler(event: Event, step: Step) -> None:
        run.journal.cancelled = True
        step.send_event("tell", Event("a/b"))

    assert run.go(handler) == Stopped(Cause.CANCELLED)
    assert run.journal.sent == []


class FullJournal(MemoryJournal):
    """Of a tenant that has as many runs waiting as may."""

    full = True

    def send(self, attempt: Attempt, events: Sequence[Event], output: str) -> bool:
        if self.full:
            raise QueueFull(attempt.name, 10)
        return super().send(attempt, events, output)


def test_while_the_queue_is_full_the_step_waits_for_any_number_of_attempts_and_then_sends(run: Run) -> None:
    def handler(event: Event, step: Step) -> list[str]:
        return step.send_event("tell", Event("a/b"))

    run.journal = journal = FullJournal()
    for number in (1, 2, 3):
        outcome = run.go(handler)
        assert isinstance(outcome, Suspended)
        memo = journal.rows["tell"]
        assert (memo.status, memo.attempt, (memo.error or {})["code"]) == ("retrying", number, "QUEUE_FULL")
        run.new_stop()
    journal.full = False
    assert run.go(handler) == Completed('["step:r1:tell:0"]')
    assert [each.id for each in journal.sent] == ["step:r1:tell:0"]


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([], "1 to 500 events at once, not 0"),
        ([Event("a/b")] * (MOST_SENT + 1), "not 501"),
        (["a/b"], "event 0: expected an Event"),
        ([Event("a/b"), Event("a b")], "event 1: name"),
        ([Event("a/b", tenant="another")], "of its own tenant"),
        ([Event("andon/function.failed")], "Andon alone"),
        ([Event("andon/secret")], "Andon's own events"),
        ([Event("a/b", {"x": "\x00"})], "event 0: data"),
        ([Event("a/b", {"x": "x" * 200_000})] * 30, "MiB of events"),
    ],
)
def test_what_can_not_be_sent_fails_the_run_and_says_which_event_and_why(
    run: Run, events: list[Any], said: str
) -> None:
    outcome = run.go(lambda event, step: step.send_event("tell", *events))
    assert isinstance(outcome, Failed)
    assert "'tell'" in outcome.error["message"]
    assert said in outcome.error["message"]
    assert run.journal.sent == []


def test_the_id_of_an_event_of_a_step_with_a_long_name_is_short() -> None:
    ids = {event_id("r" * 36, "s" * 199 + last, place) for last in "ab" for place in range(500)}
    assert len(ids) == 1000
    assert max(map(len, ids)) <= 200
