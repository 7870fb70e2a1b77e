"""What the soak runs of flow control: parents that wait for an answer and for children, which share rooms."""

from __future__ import annotations

from typing import Any

from andon import CancelOn, ChildCancelled, ChildFailed, Concurrency, Event, Step, Wait, function
from tests.functions import act

ROOMS, PLACES, HOUSES = 3, 2, 4
"""How many rooms there are, how many go into one at once, and how many parents at once."""
ANSWER_SECONDS = 120.0
CANCEL = [CancelOn("gather/cancelled", match="data.case")]


@function(id="room", trigger="room/requested", concurrency=Concurrency(PLACES, key="data.room"))
def room(event: Event, step: Step) -> int:
    """One step in a room. Nobody cancels it but its parent's cancel."""
    step.run("be", act, "be", event.data["case"], {"seconds": event.data["seconds"]})
    return int(event.data["room"])


@function(
    id="gather",
    trigger="gather/requested",
    cancel_on=CANCEL,
    concurrency=Concurrency(HOUSES, hold="active"),
    waits=[Wait("gather/answered", match="data.case")],
)
def gather(event: Event, step: Step) -> dict[str, Any]:
    """Starts children, waits for an answer, then for each of them."""
    case, policy = event.data["case"], event.data["policy"]
    children = [
        step.start(f"room-{n}", room, {"case": case, "room": n % ROOMS, "seconds": 0.3}, on_cancel=policy)
        for n in range(event.data["children"])
    ]
    answer = step.wait_for_event("answer", "gather/answered", match="data.case", timeout=ANSWER_SECONDS)
    rooms = []
    for child in children:
        try:
            rooms.append(step.result(child))
        except (ChildCancelled, ChildFailed):
            rooms.append(-1)
    return {"answered": answer is not None, "rooms": rooms}
