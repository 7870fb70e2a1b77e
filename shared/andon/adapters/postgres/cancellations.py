"""The rule by seq, in SQL: which runs a cancel event stops, however late either of the two is handled."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from andon.adapters.postgres.judging import Judged, judge, pair_of
from andon.adapters.postgres.marks import reason_of
from andon.adapters.postgres.statuses import CANCELLABLE
from andon.engine.events import Event

_STORE = """
INSERT INTO andon.cancellations
    (event_seq, key, function_id, flag, expression, event_id, requested_by, reason, requested_at, remember_until)
SELECT c.seq, c.key, c.function_id, c.flag, c.expression, c.event_id, c."user"::jsonb, c.reason, clock_timestamp(),
    clock_timestamp() + c.remember * interval '1 s'
FROM unnest(%(seqs)s::bigint[], %(keys)s::uuid[], %(functions)s::text[], %(flags)s::text[], %(expressions)s::text[],
    %(events)s::text[], %(users)s::text[], %(reasons)s::text[], %(remember)s::float8[])
    AS c (seq, key, function_id, flag, expression, event_id, "user", reason, remember)
ON CONFLICT DO NOTHING
"""

_OPEN_BY_KEY = f"""
SELECT DISTINCT r.id, r.report_id FROM andon.cancel_keys k JOIN andon.runs r ON r.id = k.run_id
WHERE k.key = ANY(%s) AND r.status IN {CANCELLABLE}
"""

_PAIRS = f"""
SELECT k.run_id, r.function_id, k.event_seq, c.expression, c.event_seq, c.event_id, c.requested_by, c.reason
FROM andon.cancel_keys k
JOIN andon.cancellations c ON c.key = k.key
JOIN andon.runs r ON r.id = k.run_id
WHERE (k.run_id = ANY(%(runs)s) OR c.event_seq = ANY(%(cancels)s) AND c.key = ANY(%(keys)s))
    AND r.status IN {CANCELLABLE} AND r.cancel_requested_at IS NULL
    AND (c.event_seq > k.event_seq OR c.remember_until IS NOT NULL AND c.remember_until >=
        (SELECT e.received_at FROM andon.events e WHERE e.seq = k.event_seq))
ORDER BY k.run_id, (c.event_seq > k.event_seq) DESC, c.event_seq
"""


@dataclass(frozen=True)
class KeyedCancel:
    """A cancel event under one rule: it stops runs that have this key and an older event."""

    event: Event
    key: uuid.UUID
    function_id: str
    flag: str | None = None
    expression: str | None = None
    remember: dt.timedelta | None = None


def store(connection: psycopg.Connection[Any], cancels: Sequence[KeyedCancel]) -> None:
    """Keep the cancels, so that a run made later, of an older event, is made as cancelled."""
    if not cancels:
        return
    connection.execute(
        _STORE,
        {
            "seqs": [c.event.seq for c in cancels],
            "keys": [c.key for c in cancels],
            "functions": [c.function_id for c in cancels],
            "events": [c.event.id for c in cancels],
            "users": [None if c.event.user is None else json.dumps(c.event.user) for c in cancels],
            "reasons": [reason_of(c.event) for c in cancels],
            "flags": [c.flag for c in cancels],
            "expressions": [c.expression for c in cancels],
            "remember": [c.remember.total_seconds() if c.remember else None for c in cancels],
        },
    )


def open_runs(connection: psycopg.Connection[Any], keys: Sequence[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID | None]:
    """The open runs under any of these keys, each with its report: what to lock before marking."""
    return dict(connection.execute(_OPEN_BY_KEY, [list(keys)]).fetchall()) if keys else {}


def pairs(connection: psycopg.Connection[Any], *, runs: Sequence[uuid.UUID], cancels: Sequence[KeyedCancel]) -> Judged:
    """The open, unmarked runs that a stored cancel stops, among these runs or by these cancels; the first counts."""
    if not runs and not cancels:
        return Judged()
    values = {"runs": list(runs), "cancels": [c.event.seq for c in cancels], "keys": [c.key for c in cancels]}
    return judge(connection, [pair_of(*row) for row in connection.execute(_PAIRS, values)])


def request_key(tenant: str, event_id: str) -> uuid.UUID:
    """The key of one request's own run: what a cancel by report names before the run is made."""
    text = json.dumps([tenant, "request", event_id])
    return uuid.UUID(bytes=hashlib.blake2b(text.encode(), digest_size=16).digest())


def remember_request_cancel(connection: psycopg.Connection[Any], event: Event, request_event_id: str) -> None:
    """Record `event` against a request whose run isn't made yet: it will be made as cancelled."""
    store(connection, [KeyedCancel(event, request_key(event.tenant, request_event_id), "")])
