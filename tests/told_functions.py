"""A function whose ends are told to webhooks: it ends as its event says, about a subject without a table."""

from __future__ import annotations

from andon import Event, NonRetriable, Step, Subject, function


@function(id="make-clip", trigger="clip/requested", retries=0, subject=Subject("clip", "data.clipId"))
def make_clip(event: Event, step: Step) -> str:
    """Completes, fails, or waits to be cancelled."""
    how = event.data.get("how")
    if how == "fail":
        raise NonRetriable("it fails as it is to")
    if how == "wait":
        step.sleep("wait", 3600)
    return "done"
