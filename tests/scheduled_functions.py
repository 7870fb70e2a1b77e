"""Functions that start by the clock, once a year, and go on until their gate is open: see `tests.functions`."""

from __future__ import annotations

from typing import Any

from andon import Cron, Event, Function, Step, function
from tests.functions import act


def scheduled(overlap: Any) -> Function:
    """One whose ticks overlap as it is said; its case has that name."""

    @function(id=f"yearly-{overlap}", triggers=[Cron("0 0 1 1 *", overlap=overlap, data={"case": overlap})], retries=0)
    def yearly(event: Event, step: Step) -> None:
        step.run("work", act, "work", event.data["case"], {"gate": True})

    return yearly


skip, queue, cancel, allow = map(scheduled, ("skip", "queue", "cancel", "allow"))
