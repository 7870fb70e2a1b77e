"""Functions for tests of signals: one that goes on until it is stopped, one that fails."""

from __future__ import annotations

import time

from andon import CancelOn, Event, NonRetriable, Step, function


def wait_long(step: Step) -> None:
    """Go on for a minute, unless stopped."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        step.check()
        time.sleep(0.01)


def refuse() -> None:
    """Fail for good."""
    raise NonRetriable("refused")


@function(
    id="signals-long",
    trigger="signals/long.requested",
    cancel_on=[CancelOn("signals/long.cancelled", match="data.key")],
)
def long(event: Event, step: Step) -> None:
    """A quick step, then a long one."""
    step.run("quick", str)
    step.run("long", wait_long, step)


@function(id="signals-failing", trigger="signals/failing.requested")
def failing(event: Event, step: Step) -> None:
    """Fail in the first step."""
    step.run("refuse", refuse)
