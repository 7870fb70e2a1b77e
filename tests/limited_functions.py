"""Functions with limits, which do as their events say: see `tests.functions`."""

from __future__ import annotations

import datetime as dt

from andon import CancelOn, Concurrency, Event, Step, Timeouts, function
from tests.functions import act

CANCEL = CancelOn("walk/cancelled", match="data.case")


@function(
    id="visit",
    trigger="visit/requested",
    cancel_on=[CANCEL],
    concurrency=[Concurrency(1, key="data.room", hold="active"), Concurrency(2, hold="active")],
)
def visit(event: Event, step: Step) -> None:
    """Two steps in a room that has place for one, in a house for two; with a nap of `nap` seconds between them."""
    for name in ("come", "go"):
        step.run(name, act, name, event.data["case"], event.data.get("plan", {}).get(name, {}))
        if name == "come" and event.data.get("nap"):
            step.sleep("nap", event.data["nap"])


@function(
    id="spelled",
    trigger="spelled/requested",
    cancel_on=[CANCEL],
    concurrency=Concurrency(1, key="event.data.room + '!'"),
)
def spelled(event: Event, step: Step) -> None:
    """One whose key has no value where `room` isn't a text."""


@function(id="timed", trigger="timed/requested", timeouts=Timeouts(finish=dt.timedelta(seconds=1)))
def timed(event: Event, step: Step) -> None:
    """A run has a second. Its step takes a minute, or two seconds where it is given `more`."""
    if event.data["more"]:
        step.extend(event.data["more"])
        step.tag("case", event.data["case"])
    step.run("take", act, "take", event.data["case"], {"seconds": 2 if event.data["more"] else 60})
