"""Says in the dispatcher's log which events started no run that they could have started: `ANDON_STEP_LOG`."""

import logging
from collections.abc import Sequence

from andon.adapters.postgres.events.skips import Skip, sentence

log = logging.getLogger(__name__)

Passed = tuple[str, Skip]
"""The event's name, and what became of it."""


def narrate(passed: Sequence[Passed]) -> None:
    """A line for each; the event's page says the same."""
    for name, skip in passed:
        why = sentence(skip.reason, skip.detail)
        log.warning("no run started", extra={"trigger": name, "function": skip.function_id, "why": why})
