"""Steps: what is kept, what is recalled, and what the code may not change under a run."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from andon import AndonError, Event, Step, StepError
from andon.engine.execution import Completed, Failed, Outcome, Suspended
from andon.engine.ports import Attempt
from tests.unit.engine.conftest import Run

HOUR = dt.timedelta(hours=1)


def error_of(outcome: Outcome) -> dict[str, Any]:
    assert isinstance(outcome, Failed), outcome
    return outcome.error


def test_a_finished_step_is_recalled_and_not_run_again(run: Run) -> None:
    calls: list[str] = []

    def record(name: str) -> int:
        calls.append(name)
        return len(calls)

    def handler(event: Event, step: Step) -> list[int]:
        first = step.run("first", record, "first")
        step.sleep("pause", 60)
        return [first, step.run("second", record, "second")]

    assert isinstance(run.go(handler), Suspended)
    run.journal.advance(60)
    assert run.go(handler) == Completed("[1,2]")
    assert run.go(handler) == Completed("[1,2]")
    assert calls == ["first", "second"]


def unlike_json() -> Any:
    return {1: (2, 3)}


def test_the_value_is_the_decoded_memo_on_the_first_run_too(run: Run) -> None:
    values: list[Any] = []

    def handler(event: Event, step: Step) -> None:
        values.append(step.run("tuple", unlike_json))

    run.go(handler)
    run.go(handler)
    assert values == [{"1": [2, 3]}] * 2


def test_an_id_used_again_gets_an_index_in_call_order(run: Run) -> None:
    def handler(event: Event, step: Step) -> list[int]:
        return [step.run("page", abs, number) for number in range(3)]

    assert run.go(handler) == Completed("[0,1,2]")
    assert [(memo.id, memo.output) for memo in run.journal.rows.values()] == [("page", 0), ("page:1", 1), ("page:2", 2)]
    assert run.go(handler) == Completed("[0,1,2]")


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), b"bytes", dt.date(2026, 1, 1)])
def test_a_result_that_is_not_json_fails_the_run_at_once_and_names_the_step(run: Run, value: Any) -> None:
    run.retries = 5
    error = error_of(run.go(lambda event, step: step.run("odd", lambda: value)))
    assert "Step 'odd' returned" in error["message"]
    assert "not JSON" in error["message"]
    assert run.statuses() == {"odd": "failed"}


ITSELF: list[Any] = []
ITSELF.append(ITSELF)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"rows": [1, {"when": dt.date(2026, 1, 1)}]}, "not JSON at ['rows'][1]['when']: "),
        ({"a": "\ud800"}, "not JSON at ['a']: "),
        (ITSELF, "not JSON at [0][0]"),
        ({(1, 2): 3}, "not JSON: keys must be"),
    ],
)
def test_what_is_no_json_within_a_result_is_named_by_its_place(run: Run, value: Any, place: str) -> None:
    assert place in error_of(run.go(lambda event, step: step.run("odd", lambda: value)))["message"]


def test_four_mebibytes_are_kept_and_more_is_refused_with_advice(run: Run) -> None:
    limit = 4 * 1024 * 1024
    assert run.go(lambda event, step: len(step.run("big", lambda: "x" * (limit - 2)))) == Completed(str(limit - 2))
    error = error_of(Run().go(lambda event, step: step.run("big", lambda: "x" * (limit - 1))))
    assert "Step 'big' returned 4.0 MiB" in error["message"]
    assert "artifact" in error["message"]


def steps(*names: str) -> Callable[[Event, Step], None]:
    """A handler of these steps, which sleeps after them."""

    def handler(event: Event, step: Step) -> None:
        for name in names:
            step.run(name, lambda: None)
        step.sleep("night", 3600)

    return handler


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (steps("b", "a"), "'b'"),
        (steps("a", "new", "b"), "'new'"),
        (steps("b"), "'b'"),
        (steps("other", "b"), "'other'"),
    ],
)
def test_a_definition_that_changed_under_its_run_fails_it_and_never_skips_work(
    run: Run, changed: Callable[[Event, Step], None], named: str
) -> None:
    assert isinstance(run.go(steps("a", "b")), Suspended)
    run.journal.advance(3600)
    error = error_of(run.go(changed))
    assert error["type"] == "DefinitionChanged"
    assert named in error["message"]


def test_a_finished_step_that_was_removed_from_the_end_fails_the_run(run: Run) -> None:
    for name in ("a", "b"):
        run.journal.complete(Attempt(name, len(run.journal.rows)), 0.0, "null")
    error = error_of(run.go(lambda event, step: step.run("a", lambda: None)))
    assert error["type"] == "DefinitionChanged"
    assert "'b'" in error["message"]


def test_steps_added_at_the_end_are_no_change(run: Run) -> None:
    assert isinstance(run.go(steps("a")), Suspended)
    run.journal.advance(3600)

    def longer(event: Event, step: Step) -> int:
        steps("a")(event, step)
        return step.run("b", lambda: 1)

    assert run.go(longer) == Completed("1")


def test_a_step_inside_a_step_is_refused(run: Run) -> None:
    def handler(event: Event, step: Step) -> Any:
        return step.run("outer", lambda: step.run("inner", lambda: 1))

    error = error_of(run.go(handler))
    assert "'inner' is called while step 'outer' runs" in error["message"]


def test_a_step_in_a_thread_of_the_handlers_own_is_refused_as_such(run: Run) -> None:
    def handler(event: Event, step: Step) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(step.run, "aside", print).result()

    error = error_of(run.go(handler))
    assert "'aside' is called from another thread" in error["message"]


@pytest.mark.parametrize("name", ["", "x" * 201, "a\x00b", 7])
def test_a_bad_step_id_is_refused(run: Run, name: Any) -> None:
    error = error_of(run.go(lambda event, step: step.run(name, lambda: 1)))
    assert "a step's id is a text of 1 to 200 characters" in error["message"]
    assert run.statuses() == {}


def test_interrupt_with_belongs_inside_a_step(run: Run) -> None:
    def handler(event: Event, step: Step) -> None:
        with pytest.raises(AndonError, match="inside a step's function"), step.interrupt_with(print):
            pass

    assert run.go(handler) == Completed("null")


def test_a_failed_step_is_recalled_as_its_error_when_the_handler_went_on(run: Run) -> None:
    def fail() -> None:
        raise ValueError("no such column")

    messages: list[str] = []

    def handler(event: Event, step: Step) -> None:
        try:
            step.run("fails", fail)
        except StepError as error:
            messages.append(str(error))
        step.sleep("pause", 10)

    assert isinstance(run.go(handler), Suspended)
    run.journal.advance(10)
    assert run.go(handler) == Completed("null")
    assert run.statuses() == {"fails": "failed", "pause": "completed"}
    assert all("no such column" in message for message in messages)
    assert len(messages) == 2


def test_a_sleep_keeps_its_first_time_over_replays(run: Run) -> None:
    def handler(event: Event, step: Step) -> str:
        step.sleep("night", 100)
        return "morning"

    first = run.go(handler)
    run.journal.advance(60)
    assert run.go(handler) == first
    run.journal.advance(40)
    assert run.go(handler) == Completed('"morning"')


def test_sleep_until_takes_a_naive_time_as_utc(run: Run) -> None:
    naive = dt.datetime(2026, 1, 2)
    outcome = run.go(lambda event, step: step.sleep_until("night", naive))
    assert outcome == Suspended(wake_at=naive.replace(tzinfo=dt.UTC))


@pytest.mark.parametrize("seconds", [math.nan, math.inf, 1e300, 10**400, "soon", None])
def test_a_sleep_that_no_database_can_keep_fails_the_run_and_names_the_step(run: Run, seconds: Any) -> None:
    run.retries = 3
    error = error_of(run.go(lambda event, step: step.sleep("night", seconds)))
    assert "step 'night' sleeps for seconds, at most 3155760000, not" in error["message"]
    assert run.statuses() == {}


@pytest.mark.parametrize("when", [dt.datetime.max, dt.datetime.max.replace(tzinfo=dt.timezone(-HOUR)), dt.date.max, 7])
def test_sleeping_until_no_database_knows_when_fails_the_run_and_names_the_step(run: Run, when: Any) -> None:
    run.retries = 3
    error = error_of(run.go(lambda event, step: step.sleep_until("night", when)))
    assert "step 'night' sleeps until a datetime before year 9999, not" in error["message"]


def test_a_negative_sleep_is_over_at_once(run: Run) -> None:
    assert run.go(lambda event, step: step.sleep("night", -1e300)) == Suspended(wake_at=run.journal.now)
    assert run.go(lambda event, step: step.sleep("night", -1e300)) == Completed("null")


def test_progress_is_shown_within_its_bounds(run: Run) -> None:
    def handler(event: Event, step: Step) -> None:
        step.run("work", lambda: step.progress(1.7, "rows"))

    run.go(handler)
    assert run.shown.seen == [(1.0, "rows")]
