"""`step.invoke`, `step.start` and `step.result`: what is asked for, and what its end means to the parent."""

from __future__ import annotations

from typing import Any

import pytest

from andon import Child, ChildCancelled, ChildFailed, Event, Step, StepTimeout, function
from andon.engine.execution import Completed, Failed, Suspended
from andon.engine.steps.invoking import KEY, MOST_DEPTH, as_handlers_see, invocation_of
from andon.engine.steps.waiting import CHILD_ENDED, Waiting
from tests.unit.engine.conftest import Run


@function(id="render", trigger="page/requested")
def render(event: Event, step: Step) -> str:
    return str(event.data["page"])


def waiting_of(outcome: Any) -> Waiting:
    assert isinstance(outcome, Suspended), outcome
    assert outcome.waiting is not None
    return outcome.waiting


def test_a_child_is_asked_for_by_an_event_with_its_data_and_waited_for_by_its_run(run: Run) -> None:
    def handler(event: Event, step: Step) -> Any:
        return step.invoke("page", render, {"page": 3}, timeout=60, on_cancel="abandon")

    waiting = waiting_of(run.go(handler))
    run.journal.wait(waiting)
    [event], [awaited] = waiting.sends, waiting.awaited
    said = invocation_of(event)
    assert said is not None
    assert (said.functionId, said.parentRunId, said.parentStep, said.depth) == ("render", "r1", "page", 1)
    assert (said.onCancel, said.onFailure) == ("abandon", "abandon")
    assert (awaited.event, str(awaited.key)) == (CHILD_ENDED, said.runId)
    assert as_handlers_see(event).data == {"page": 3}
    assert waiting_of(run.go(handler)).awaited == waiting.awaited, "another child, when the run is replayed"
    run.journal.arrive("page", output="page 3")
    assert run.go(handler) == Completed('"page 3"')


@pytest.mark.parametrize(
    ("code", "kind"),
    [("CHILD_FAILED", ChildFailed), ("UNKNOWN_FUNCTION", ChildFailed), ("CHILD_CANCELLED", ChildCancelled)],
)
def test_what_became_of_a_child_can_be_caught(run: Run, code: str, kind: type[Exception]) -> None:
    def handler(event: Event, step: Step) -> str:
        try:
            step.invoke("page", "render")
        except kind as error:
            return f"{error.code}: {error}"  # type: ignore[attr-defined]
        return "nothing"

    run.journal.wait(waiting_of(run.go(handler)))
    run.journal.arrive("page", error={"code": code, "message": "told"})
    assert run.go(handler) == Completed(f'"{code}: told"')


@pytest.mark.parametrize(("on_timeout", "cancels"), [("cancel", 1), ("abandon", 0)])
def test_a_child_that_takes_too_long_is_cancelled_unless_it_is_abandoned(
    run: Run, on_timeout: str, cancels: int
) -> None:
    def handler(event: Event, step: Step) -> str:
        try:
            return str(step.invoke("page", render, timeout=60, on_timeout=on_timeout))
        except StepTimeout as error:
            return str(error)

    waiting = waiting_of(run.go(handler))
    run.journal.wait(waiting)
    run.journal.advance(60)
    assert run.go(handler) == Completed("\"Step 'page' took longer than 60 s\"")
    assert [each.data["runId"] for each in run.journal.sent] == [str(waiting.awaited[0].key)] * cancels


def test_a_child_that_is_started_is_waited_for_by_its_result(run: Run) -> None:
    children: list[Child] = []

    def handler(event: Event, step: Step) -> Any:
        children.append(step.start("page", render, {"page": 1}))
        return step.result(children[-1])

    waiting = waiting_of(run.go(handler))
    run.journal.wait(waiting)
    [event] = run.journal.sent
    said = invocation_of(event)
    assert said is not None
    assert said.runId == children[0].run_id == str(waiting.awaited[0].key)
    run.journal.arrive("page/result", output="page 1")
    assert run.go(handler) == Completed('"page 1"')
    assert children[0] == children[1]
    assert len(run.journal.sent) == 1


@pytest.mark.parametrize(
    ("arguments", "options", "why"),
    [
        (["render", {"page": {1}}], {}, "data"),
        (["render", [1]], {}, "expected a JSON object"),
        (["render", {KEY: 1}], {}, "without '_andon'"),
        ([3], {}, "a function or its id"),
        (["render"], {"on_cancel": "kill"}, "on_cancel='kill'"),
        (["render"], {"on_failure": None}, "on_failure=None"),
        (["render"], {"on_timeout": "wait"}, "on_timeout='wait'"),
        (["render"], {"timeout": "1"}, "timeout='1'"),
    ],
)
def test_what_can_not_be_meant_fails_the_run_and_says_why(
    run: Run, arguments: list[Any], options: dict[str, Any], why: str
) -> None:
    outcome = run.go(lambda event, step: step.invoke("page", *arguments, **options))
    assert isinstance(outcome, Failed)
    assert why in outcome.error["message"]


def test_a_tree_is_at_most_ten_deep(run: Run) -> None:
    event = Event("test/run.requested")
    for _ in range(MOST_DEPTH):
        [event] = waiting_of(run.go(lambda event, step: step.invoke("next", "render"), event)).sends
    outcome = run.go(lambda event, step: step.invoke("next", "render"), event)
    assert isinstance(outcome, Failed)
    assert "at most 10 others above it" in outcome.error["message"]
