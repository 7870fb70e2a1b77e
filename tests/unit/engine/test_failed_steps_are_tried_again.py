"""Retries: when a step is tried again, when not, and after how long."""

from __future__ import annotations

from typing import Any

import pytest

from andon import Event, NonRetriable, RetryAfter, Step, StepError
from andon.engine.execution import Completed, Failed, Suspended
from tests.unit.engine.conftest import Run


def fail(error: BaseException) -> Any:
    raise error


def test_a_step_is_tried_again_after_a_growing_pause_until_no_try_is_left(run: Run) -> None:
    run.retries = 3
    pauses: list[float] = []
    while isinstance(outcome := run.go(lambda event, step: step.run("x", fail, ValueError("broken"))), Suspended):
        assert outcome.seconds is not None
        pauses.append(outcome.seconds)
    assert isinstance(outcome, Failed)
    assert (outcome.error["step"], outcome.error["type"]) == ("x", "ValueError")
    assert "broken" in outcome.error["message"]
    assert "in fail" in outcome.error["traceback"]
    assert run.journal.rows["x"].attempt == 4
    assert [low <= pause <= 2 * low for low, pause in zip((0.5, 1, 2), pauses, strict=True)] == [True] * 3


def test_a_step_that_recovers_completes(run: Run) -> None:
    run.retries = 1
    results = iter([ValueError("once"), None])

    def handler(event: Event, step: Step) -> str:
        def body() -> str:
            error = next(results)
            if error:
                raise error
            return "fine"

        return step.run("x", body)

    assert isinstance(run.go(handler), Suspended)
    assert run.statuses() == {"x": "retrying"}
    assert run.go(handler) == Completed('"fine"')
    assert run.journal.rows["x"].attempt == 2


def test_a_step_has_retries_of_its_own(run: Run) -> None:
    run.retries = 9
    assert isinstance(run.go(lambda event, step: step.run("x", fail, ValueError(), retries=0)), Failed)


def test_non_retriable_ends_it_at_once(run: Run) -> None:
    run.retries = 9
    outcome = run.go(lambda event, step: step.run("x", fail, NonRetriable("no such dataset")))
    assert isinstance(outcome, Failed)
    assert "no such dataset" in outcome.error["message"]


def test_retry_after_says_when(run: Run) -> None:
    run.retries = 1
    handler = lambda event, step: step.run("x", fail, RetryAfter(42))  # noqa: E731
    assert run.go(handler) == Suspended(seconds=42)
    assert isinstance(run.go(handler), Failed)


def test_the_handler_sees_a_step_error_with_its_cause(run: Run) -> None:
    def handler(event: Event, step: Step) -> str:
        with pytest.raises(StepError) as caught:
            step.run("x", fail, ValueError("broken"))
        assert isinstance(caught.value.__cause__, ValueError)
        return f"{caught.value.step} {caught.value.code}"

    assert run.go(handler) == Completed('"x FAILED"')


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt()])
def test_a_base_exception_of_a_step_is_a_failure_of_the_step_alone(run: Run, error: BaseException) -> None:
    run.retries = 1
    handler = lambda event, step: step.run("x", fail, error)  # noqa: E731
    assert isinstance(run.go(handler), Suspended)
    outcome = run.go(handler)
    assert isinstance(outcome, Failed)
    assert outcome.error["type"] == type(error).__name__


def test_an_error_of_the_handler_itself_is_tried_again_with_its_steps_recalled(run: Run) -> None:
    run.retries = 1
    calls: list[int] = []

    def handler(event: Event, step: Step) -> None:
        step.run("x", lambda: calls.append(1))
        raise ValueError("between steps")

    outcome = run.go(handler)
    assert isinstance(outcome, Suspended)
    assert outcome.failed is not None
    run.attempt = 2
    outcome = run.go(handler)
    assert isinstance(outcome, Failed)
    assert outcome.error["message"] == "between steps"
    assert calls == [1]
