"""What each cause of a cancel says to people: here, since the client ships alone, and all that shows runs has it."""

from __future__ import annotations

from collections.abc import Mapping

CAUSES: Mapping[str, str] = {
    "superseded": "a newer request of its subject took its place",
    "singleton": "a newer run of its singleton key took its place",
    "parent": "the run that started it was cancelled, or has failed",
    "start_timeout": "it had not started in time",
    "finish_timeout": "it had not ended in time",
    "paused": "it had started when its function or queue was paused with `cancel`",
}


def said(cause: str) -> str:
    """The cause as people read it; one of a newer API says itself."""
    return CAUSES.get(cause, cause)
