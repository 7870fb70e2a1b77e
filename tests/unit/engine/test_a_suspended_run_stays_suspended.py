"""A handler that swallows its suspension gains nothing by it."""

from __future__ import annotations

from andon import Event, Step, function
from andon.testing import run_function


def test_a_swallowed_sleep_is_slept_all_the_same() -> None:
    calls: list[str] = []

    @function(id="stubborn", trigger="test/stubborn.requested")
    def stubborn(event: Event, step: Step) -> str:
        calls.append("handler")
        try:
            step.sleep("pause", 60)
        except BaseException:
            calls.append("swallowed")
        step.run("after", calls.append, "after")
        return "done"

    ended = run_function(stubborn, Event("test/stubborn.requested"))
    assert ended.output == "done"
    assert calls == ["handler", "swallowed", "handler", "after"]


def test_a_handler_that_returns_from_its_suspension_is_not_done() -> None:
    tries: list[int] = []

    @function(id="hasty", trigger="test/hasty.requested")
    def hasty(event: Event, step: Step) -> str:
        tries.append(1)
        try:
            step.sleep("pause", 60)
        except BaseException:
            return "too early"
        return "rested"

    assert run_function(hasty, Event("test/hasty.requested")).output == "rested"
    assert len(tries) == 2
