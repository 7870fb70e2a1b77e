"""Who works here: each worker says now and then that it is there, how many lanes it has and which release it is."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.statements import Statement

GONE_SECONDS = 60.0
"""A worker that has said nothing for so long is shown no more."""

_SEEN = Statement("""
WITH former AS (
    DELETE FROM andon.workers WHERE seen_at < clock_timestamp() - interval '1 day' AND id <> %(id)s
)
INSERT INTO andon.workers AS w (id, lanes, busy, version, release, queues, functions, seen_at)
VALUES (%(id)s, %(lanes)s, %(busy)s, %(version)s, %(release)s, %(queues)s, %(functions)s, clock_timestamp())
ON CONFLICT (id) DO UPDATE SET busy = excluded.busy, functions = excluded.functions, seen_at = excluded.seen_at
""")
_GONE = Statement("DELETE FROM andon.workers WHERE id = %(id)s")
_LISTED = Statement("""
SELECT id, lanes, busy, version, release, queues, functions, started_at, seen_at FROM andon.workers
WHERE seen_at > clock_timestamp() - %(gone)s * interval '1 s' ORDER BY started_at, id LIMIT 200
""")


@dataclass(frozen=True)
class Present:
    """What a worker says of itself. `busy` is how many of its lanes execute a run."""

    id: str
    lanes: int
    busy: int
    version: str
    release: str
    queues: Sequence[str]
    functions: int


@dataclass(frozen=True)
class Worker(Present):
    """A worker that is there."""

    started_at: dt.datetime
    seen_at: dt.datetime


def seen(connection: Connection, present: Present) -> None:
    """It is there."""
    _SEEN.execute(connection, {**vars(present), "queues": list(present.queues)})


def gone(connection: Connection, id: str) -> None:
    """It ends."""
    _GONE.execute(connection, {"id": id})


def listed(connection: Connection) -> list[Worker]:
    """Those that are there, the oldest first."""
    return [Worker(*row) for row in _LISTED.execute(connection, {"gone": GONE_SECONDS}).fetchall()]
