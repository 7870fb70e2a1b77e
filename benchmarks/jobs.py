"""The work as Andon's functions."""

from __future__ import annotations

from andon import CancelOn, Event, Step, function
from benchmarks import work

CANCEL = [CancelOn("bench/cancelled", match="data.slot")]


def _steps(event: Event, step: Step) -> None:
    data = event.data
    for number in range(data["steps"]):
        step.run(f"step-{number}", work.step, data["slot"], number, data["seconds"])
    work.marks().done(data["slot"])


@function(id="bench-steps", trigger="bench/steps", cancel_on=CANCEL, retries=0)
def steps(event: Event, step: Step) -> None:
    """Steps in a row, each recorded."""
    _steps(event, step)


@function(id="bench-talking", trigger="bench/talking", cancel_on=CANCEL, retries=0)
def talking(event: Event, step: Step) -> None:
    """Steps in a row that print some lines each."""
    data = event.data
    for number in range(data["steps"]):
        step.run(f"step-{number}", work.talk, data["slot"], number, data["lines"])
    work.marks().done(data["slot"])


@function(id="bench-loop", trigger="bench/loop", cancel_on=CANCEL, retries=0)
def loop(event: Event, step: Step) -> None:
    """A long Python loop."""
    step.run("loop", work.loop, event.data["slot"])


@function(id="bench-blocking", trigger="bench/blocking", cancel_on=CANCEL, retries=0)
def blocking(event: Event, step: Step) -> None:
    """A blocking call, in a process of its own."""
    step.run("blocking", work.blocking, event.data["slot"])


@function(id="bench-many", trigger="bench/many", cancel_on=CANCEL, retries=0)
def many(event: Event, step: Step) -> None:
    """One empty step: what is queued by the hundred thousand."""
    step.run("step", work.step, event.data["slot"], 0, 0)


crowd_0, crowd_1, crowd_2, crowd_3, crowd_4 = (
    function(id=f"bench-crowd-{number}", trigger=f"bench/crowd-{number}", retries=0)(_steps) for number in range(5)
)


@function(id="bench-parked", trigger="bench/parked", cancel_on=CANCEL, queue="parked")
def parked(event: Event, step: Step) -> None:
    """Waits in a queue that no worker serves."""
