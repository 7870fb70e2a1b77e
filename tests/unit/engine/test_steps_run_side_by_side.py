"""`step.parallel` and `step.map`: results in order, a memo for each branch, and what a failure or a cancel does."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from andon import Event, NonRetriable, Step, StepError
from andon.engine.execution import Completed, Failed, Stopped, Suspended
from andon.engine.stops import Cause
from tests.support.polling import PATIENCE
from tests.unit.engine.conftest import Run


def double(number: int) -> int:
    return number * 2


async def triple(number: int) -> int:
    return number * 3


def test_branches_return_in_their_order_and_run_at_the_same_time(run: Run) -> None:
    meeting = threading.Barrier(3, timeout=10)

    def meet(name: str) -> str:
        meeting.wait()
        return name

    def handler(event: Event, step: Step) -> Any:
        met = step.parallel("meet", [(name, meet, name) for name in "abc"], limit=3)
        return [
            met,
            step.map("double", double, range(5), limit=2),
            step.map("triple", triple, [1]),
            step.map("no", double, []),
        ]

    assert run.go(handler) == Completed('[["a","b","c"],[0,2,4,6,8],[3],[]]')
    assert {memo.id: memo.branch for memo in run.journal.rows.values()}["double/4"] == 4
    assert {memo.position for memo in run.journal.rows.values() if memo.id.startswith("double/")} == {1}
    assert run.go(handler) == Completed('[["a","b","c"],[0,2,4,6,8],[3],[]]'), "recalled"


def test_no_more_than_the_limit_run_at_once(run: Run) -> None:
    lock, now, most = threading.Lock(), 0, 0
    together = threading.Barrier(3)

    def work(number: int) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        if number < 3:
            together.wait(PATIENCE)
        time.sleep(0.01)
        with lock:
            now -= 1

    run.go(lambda event, step: step.map("work", work, range(10), limit=3))
    assert most == 3


@pytest.mark.parametrize("policy", ["all", "first"])
def test_a_branch_that_fails_is_tried_again_alone(run: Run, policy: str) -> None:
    calls: list[str] = []

    def work(name: str) -> str:
        calls.append(name)
        if calls.count("b") == 1 and name == "b":
            raise ValueError("once")
        return name

    def handler(event: Event, step: Step) -> Any:
        return step.parallel("group", [(name, work, name) for name in "abc"], retries=1, policy=policy)

    assert isinstance(run.go(handler), Suspended)
    assert run.statuses() == {"group/a": "completed", "group/b": "retrying", "group/c": "completed"}
    assert run.go(handler) == Completed('["a","b","c"]')
    assert sorted(calls) == ["a", "b", "b", "c"]


def test_the_first_failure_by_index_is_raised_when_all_have_ended(run: Run) -> None:
    def work(name: str) -> str:
        if name in "bc":
            raise NonRetriable(f"{name} is broken")
        return name

    def handler(event: Event, step: Step) -> Any:
        try:
            step.parallel("group", [(name, work, name) for name in "abcd"])
        except StepError as error:
            return f"{error.step}: {error}"

    assert run.go(handler) == Completed('"group/b: b is broken"')
    assert run.go(handler) == Completed('"group/b: b is broken"'), "recalled"
    assert run.statuses()["group/d"] == "completed"


def test_with_policy_first_a_failure_is_raised_at_once_and_the_others_hear_of_it(run: Run) -> None:
    heard = threading.Event()

    def handler(event: Event, step: Step) -> Any:
        def endless() -> None:
            try:
                while True:
                    step.check()
                    time.sleep(0.001)
            finally:
                heard.set()

        def fail() -> None:
            raise NonRetriable("broken")

        step.parallel("group", [("endless", endless), ("fail", fail)], policy="first")

    outcome = run.go(handler)
    assert isinstance(outcome, Failed)
    assert "broken" in outcome.error["message"]
    assert heard.wait(PATIENCE)


def test_a_cancel_stops_the_branches_and_keeps_those_that_had_ended(run: Run) -> None:
    began = threading.Barrier(3, timeout=10)

    def handler(event: Event, step: Step) -> Any:
        def endless() -> None:
            began.wait()
            while True:
                step.check()
                time.sleep(0.001)

        step.parallel("group", [("done", double, 1), ("one", endless), ("two", endless)], limit=3)

    def cancel() -> None:
        began.wait()
        while "group/done" not in run.journal.rows:
            time.sleep(0.001)
        run.order(Cause.CANCELLED)

    thread = threading.Thread(target=cancel)
    thread.start()
    assert run.go(handler) == Stopped(Cause.CANCELLED)
    thread.join()
    assert run.statuses() == {"group/done": "completed"}


def test_a_run_that_is_taken_up_again_repeats_only_what_had_not_ended(run: Run) -> None:
    calls: list[int] = []

    def work(number: int) -> int:
        calls.append(number)
        if len(calls) == 4:
            run.journal.lost = True
        return number

    def handler(event: Event, step: Step) -> Any:
        return step.map("group", work, range(4), limit=1)

    assert run.go(handler) == Stopped(Cause.LEASE_LOST)
    kept = len(run.journal.rows)
    run.journal.lost = False
    run.new_stop()
    assert run.go(handler) == Completed("[0,1,2,3]")
    assert len(calls) == 4 + 4 - kept


def test_progress_is_the_mean_of_the_branches(run: Run) -> None:
    def handler(event: Event, step: Step) -> Any:
        step.parallel("group", [("half", step.progress, 0.5), ("none", step.progress, 0.0)], limit=1)
        step.progress(0.9)

    run.go(handler)
    assert [fraction for fraction, _ in run.shown.seen] == [0.25, 0.5, 0.9]


@pytest.mark.parametrize(
    ("branches", "options", "why"),
    [
        ([("a", double, 1), ("a", double, 2)], {}, "two branches have the id 'a'"),
        ([("a/b", double, 1)], {}, "without '/'"),
        ([("", double, 1)], {}, "short text"),
        (["ab"], {}, "branch 0: expected"),
        ([("a", double, 1)], {"limit": 0}, "limit=0"),
        ([("a", double, 1)], {"limit": 17}, "from 1 to 16"),
        ([("a", double, 1)], {"policy": "last"}, "policy='last'"),
        ([("a", double, 1)], {"retries": -1}, "retries=-1"),
    ],
)
def test_a_group_that_can_not_be_meant_fails_the_run_and_says_why(
    run: Run, branches: list[Any], options: dict[str, Any], why: str
) -> None:
    outcome = run.go(lambda event, step: step.parallel("group", branches, **options))
    assert isinstance(outcome, Failed)
    assert why in outcome.error["message"]


def test_a_step_in_a_branch_is_refused(run: Run) -> None:
    outcome = run.go(lambda event, step: step.parallel("group", [("a", lambda: step.run("inner", double, 1))]))
    assert isinstance(outcome, Failed)
    assert "while step 'group' runs" in outcome.error["message"]


def test_a_group_that_has_changed_is_noticed(run: Run) -> None:
    def handler(event: Event, step: Step) -> Any:
        step.map("group", double, range(count))
        step.sleep("nap", 1)

    count = 3
    assert isinstance(run.go(handler), Suspended)
    count = 2
    outcome = run.go(handler)
    assert isinstance(outcome, Failed)
    assert "'group/2'" in outcome.error["message"]
    outcome = run.go(lambda event, step: step.run("group", double, 1))
    assert isinstance(outcome, Failed)
    assert outcome.error["type"] == "DefinitionChanged"
