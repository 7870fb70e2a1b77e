"""Tell viewers that a run has changed; what it is now, they read from Postgres."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable

from redis import Redis

from andon.adapters.redis.sending import Command

CHANNEL = "andon:live"
Changed = tuple[uuid.UUID, uuid.UUID | None]
"""A run, and what it is about."""


def announce(redis: Redis, changed: Iterable[Changed]) -> None:
    """Announce these runs in one round trip."""
    pipe = redis.pipeline(transaction=False)
    add(pipe, changed)
    if len(pipe):
        pipe.execute()


def add(pipe: Redis, changed: Iterable[Changed]) -> None:
    """Announce these runs with the caller's pipeline."""
    for each in changed:
        pipe.publish(CHANNEL, _run(*each))


def announce_subjects(redis: Redis, subjects: Collection[uuid.UUID]) -> None:
    """Announce in one message that these were asked for, or are given back."""
    if subjects:
        redis.publish(CHANNEL, _subjects(subjects))


def announcing(changed: Iterable[Changed], subjects: Collection[uuid.UUID]) -> list[Command]:
    """The commands that announce these runs and subjects."""
    told = [_run(*each) for each in changed] + ([_subjects(subjects)] if subjects else [])
    return [("PUBLISH", CHANNEL, each) for each in told]


def announce_lines(redis: Redis, runs: Collection[uuid.UUID]) -> None:
    """Announce in one message that these runs have said something."""
    redis.publish(CHANNEL, json.dumps({"logs": [str(each) for each in runs]}))


def _run(run_id: uuid.UUID, subject_id: uuid.UUID | None) -> str:
    return json.dumps({"run": str(run_id), "subject": subject_id and str(subject_id)})


def _subjects(subjects: Collection[uuid.UUID]) -> str:
    return json.dumps({"subjects": [str(each) for each in subjects]})
