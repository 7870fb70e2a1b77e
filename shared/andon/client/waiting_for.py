"""What a run that doesn't go waits for, in words: here since the client ships alone, and whatever shows runs has it."""

from __future__ import annotations

from collections.abc import Mapping

FORMER = "former"
WAITING_FOR: Mapping[str, str] = {
    "worker": "a free lane of a worker",
    "concurrency": "a limit of how many go at once",
    "singleton": "the run before",
    "schedule": "the run of the tick before",
    "throttle": "a limit of how often one starts",
    "queue": "a turn in the queue",
    "pause": "the end of a pause",
    "subject": "the run before, about the same subject",
    "function": "a worker with the function, which no module that is served declares",
    FORMER: "a limit that is declared no longer",
    "quiet": "events to stop coming",
    "child": "the end of another run",
    "event": "an event",
    "retry": "another try at a step",
    "sleep": "a time that was set",
}
"""What queued runs wait for, by their rule; a worker without one, and a former limit is no rule. Then the others."""


def said(rule: str | None) -> str:
    """The rule as people read it; without one it is a former limit, and one of a newer API says itself."""
    return WAITING_FOR.get(rule or FORMER, rule or FORMER)
