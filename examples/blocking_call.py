"""A call that blocks for minutes and can't be ended from outside: run it in a process of its own."""

import select

from andon import CancelOn, Event, Step, function


@function(
    id="wait-in-one-call",
    trigger="example/blocking.requested",
    cancel_on=[CancelOn("example/work.cancelled", match="data.id")],
)
def wait_in_one_call(event: Event, step: Step) -> None:
    """Block for `data.seconds`. The function and its arguments must be picklable, as they go to another process."""
    step.run("wait", select.select, [], [], [], event.data["seconds"])
