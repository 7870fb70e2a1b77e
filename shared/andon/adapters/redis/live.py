"""Tell viewers that a run has changed; what it is now, they read from Postgres."""

import json
import uuid
from collections.abc import Collection, Iterable
from typing import Any

from redis import Redis

from andon.adapters.redis.sending import Command

CHANNEL = "andon:live"
Changed = tuple[uuid.UUID, uuid.UUID | None]
"""A run, and what it is about."""


def announcing(changed: Iterable[Changed] = (), subjects: Collection[uuid.UUID] = ()) -> list[Command]:
    """The commands that announce these runs, each by itself, and in one message subjects that were asked for, or are
    given back.
    """
    told: list[dict[str, Any]] = [{"run": str(run), "subject": about and str(about)} for run, about in changed]
    if subjects:
        told.append({"subjects": [str(each) for each in subjects]})
    return [("PUBLISH", CHANNEL, json.dumps(each)) for each in told]


def announce_lines(redis: Redis, runs: Collection[uuid.UUID]) -> None:
    """Announce in one message that these runs have said something."""
    redis.publish(CHANNEL, json.dumps({"logs": [str(each) for each in runs]}))
