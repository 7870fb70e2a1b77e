"""The functions whose cost is measured."""

from __future__ import annotations

from andon import CancelOn, Event, Step, function


@function(id="capacity", trigger="capacity/asked", cancel_on=[CancelOn("capacity/cancelled", match="data.key")])
def walk(event: Event, step: Step) -> None:
    """So many empty steps; then a nap, if one is asked for."""
    for number in range(event.data["steps"]):
        step.run(f"step-{number}", int)
    if event.data.get("nap"):
        step.sleep("nap", event.data["nap"])
