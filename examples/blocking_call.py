"""A call that blocks for minutes: nothing has to be done. It is interrupted, and killed where it doesn't hear."""

import select

from andon import CancelOn, Event, Step, function


@function(
    id="wait-in-one-call",
    trigger="example/blocking.requested",
    cancel_on=[CancelOn("example/work.cancelled", match="data.id")],
)
def wait_in_one_call(event: Event, step: Step) -> None:
    """Block for `data.seconds`."""
    step.run("wait", _wait, event.data["seconds"])


def _wait(seconds: float) -> None:
    select.select([], [], [], seconds)
