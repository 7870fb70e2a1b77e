"""Tell viewers that a run has changed; what it is now, they read from Postgres."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable

from redis import Redis

CHANNEL = "andon:live"


def announce(redis: Redis, changed: Iterable[tuple[uuid.UUID, uuid.UUID | None]]) -> None:
    """Announce these runs (id, subject id) in one round trip."""
    pipe = redis.pipeline(transaction=False)
    add(pipe, changed)
    if len(pipe):
        pipe.execute()


def add(pipe: Redis, changed: Iterable[tuple[uuid.UUID, uuid.UUID | None]]) -> None:
    """Announce these runs with the caller's pipeline."""
    for run_id, subject_id in changed:
        pipe.publish(CHANNEL, json.dumps({"run": str(run_id), "subject": subject_id and str(subject_id)}))


def announce_lines(redis: Redis, runs: Iterable[uuid.UUID]) -> None:
    """Announce in one round trip that these runs have said something."""
    pipe = redis.pipeline(transaction=False)
    for run_id in runs:
        pipe.publish(CHANNEL, json.dumps({"logs": str(run_id)}))
    pipe.execute()
