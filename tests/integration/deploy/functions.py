"""Functions for tests of signals: one that goes on until it is stopped, one that fails."""

from __future__ import annotations

import time
from pathlib import Path

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


def note(path: str, line: str) -> None:
    """Keep that a step ran."""
    with Path(path).open("a") as file:
        file.write(f"{line}\n")


def wait_for(step: Step, gate: str) -> None:
    """Go on until the file is there."""
    while not Path(gate).exists():
        step.check()
        time.sleep(0.01)


@function(
    id="backup-gated",
    trigger="backup/gated.requested",
    cancel_on=[CancelOn("backup/gated.cancelled", match="data.key")],
)
def gated(event: Event, step: Step) -> None:
    """A step that is noted, one that waits at a gate where there is one, and another that is noted."""
    step.run("before", note, event.data["notes"], f"{event.data['key']} before")
    if event.data.get("gate"):
        step.run("gate", wait_for, step, event.data["gate"])
    step.run("after", note, event.data["notes"], f"{event.data['key']} after")
