"""A run with a sleep and a step, each longer than any limit of the test."""

import time

from andon import Event, Step, function


@function(id="long", trigger="test/long.requested")
def long(event: Event, step: Step) -> dict[str, object]:
    """Sleep in the database, then work for `data.seconds`."""
    step.sleep("rest", 3)
    return {"slept": True, "worked": step.run("work", _work, event.data["seconds"])}


def _work(seconds: int) -> int:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        time.sleep(0.05)
    return seconds
