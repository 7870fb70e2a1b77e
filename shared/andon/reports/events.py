"""The events by which a report is requested and cancelled, and the one spelling of the id in them."""

from __future__ import annotations

from dataclasses import replace

from andon.engine.events import Event
from andon.engine.ids import parse_id

REQUESTED = "report/generation.requested"
CANCELLED = "report/generation.cancelled"


def spelled(event: Event) -> Event:
    """`event` with a report's id in the usual spelling, so that a request and a cancel meet: a UUID has several.

    Other events, and ids that are no UUID, stay as they are.
    """
    if event.name not in (REQUESTED, CANCELLED):
        return event
    given = event.data.get("reportId")
    id = parse_id(given)
    if id is None or str(id) == given:
        return event
    return replace(event, data={**event.data, "reportId": str(id)})
