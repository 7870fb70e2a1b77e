"""A function whose runs wait in a queue of their own."""

from __future__ import annotations

from andon import CancelOn, Event, Step, function
from tests.functions import act


@function(
    id="haul",
    trigger="haul/requested",
    cancel_on=[CancelOn("haul/cancelled", match="data.case")],
    queue="heavy",
)
def haul(event: Event, step: Step) -> dict[str, object]:
    """One step, as its plan says."""
    return step.run("lift", act, "lift", event.data["case"], event.data.get("plan", {}))
