"""Cancels by a key, and the rule by seq in SQL: which runs one stops, however late either of the two is handled."""

import datetime as dt
import hashlib
import json
import math
import uuid
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from andon.adapters.postgres.cancels.causes import CancelCause
from andon.adapters.postgres.cancels.judging import Judged, judge, pair_of
from andon.adapters.postgres.cancels.marks import Mark, reason_of
from andon.adapters.postgres.connect import LOCKING, Connection, columns, json_text
from andon.adapters.postgres.statuses import CANCELLABLE, OPEN
from andon.adapters.postgres.subjects import subjects
from andon.engine.declared.rules import CancelOn, cancel_key, flag_name
from andon.engine.events import RUN_CANCELLED, Event
from andon.engine.ids import parse_id

_STORE = """
INSERT INTO andon.cancellations
    (event_seq, key, function_id, flag, expression, event_id, requested_by, reason, requested_at, remember_until, cause)
SELECT c.seq, c.key, c.function_id, c.flag, c.expression, c.event_id, c."user"::jsonb, c.reason, clock_timestamp(),
    clock_timestamp() + c.remember * interval '1 s', c.cause
FROM unnest(%(seqs)s::bigint[], %(keys)s::uuid[], %(functions)s::text[], %(flags)s::text[], %(expressions)s::text[],
    %(events)s::text[], %(users)s::text[], %(reasons)s::text[], %(remember)s::float8[], %(causes)s::text[])
    AS c (seq, key, function_id, flag, expression, event_id, "user", reason, remember, cause)
ON CONFLICT DO NOTHING
"""

_OPEN_BY_KEY = f"""
SELECT DISTINCT r.id, r.subject_id FROM andon.cancel_keys k JOIN andon.runs r ON r.id = k.run_id
WHERE k.key = ANY(%s) AND r.status IN {CANCELLABLE} LIMIT %s
"""

_FORGET_OLDER = """
DELETE FROM andon.cancellations c USING unnest(%s::uuid[], %s::bigint[]) w (key, seq)
WHERE c.key = w.key AND c.event_seq < w.seq AND c.cause = %s
"""
_SINGLETONS = f"""
SELECT k.key, r.id, r.event_seq FROM andon.cancel_keys k JOIN andon.runs r ON r.id = k.run_id
WHERE k.key = ANY(%(keys)s) AND r.status IN {OPEN}
    AND (NOT %(waiting)s OR r.status = 'queued' AND r.door IS NOT NULL) ORDER BY r.event_seq
"""

# A tenant's own lock first, then one of so many buckets of its keys: nobody waits for another tenant's batch.
_HOLD = f"""
WITH locking AS MATERIALIZED (SELECT {LOCKING})
SELECT CASE WHEN shared THEN pg_advisory_xact_lock_shared(1634624367, lock) IS NULL
    ELSE pg_advisory_xact_lock(1634624367, lock) IS NULL END
FROM locking, unnest(%s::int[], %s::bool[]) l (lock, shared)
"""
_BUCKETS = 1023
_BUCKET_BITS = 10  # the tenant's own lock is the first of its numbers
_MOST_BUCKETS = 1000  # a large batch must not fill the server's table of locks: beyond, tenants are held whole

MOST_AT_ONCE = 500
"""Runs that a cancel by a field stops in one transaction; more are a wide cancel's, and the sweeper's."""
_STOPS_MANY = f"""
SELECT key FROM unnest(%s::uuid[]) w (key) WHERE (
    SELECT count(*) FROM (
        SELECT FROM andon.cancel_keys k JOIN andon.runs r ON r.id = k.run_id
        WHERE k.key = w.key AND r.status IN {CANCELLABLE} LIMIT {MOST_AT_ONCE} + 1) met) > {MOST_AT_ONCE}
"""
_NAMED = f"""
SELECT r.id, r.subject_id, w.seq FROM andon.runs r
JOIN unnest(%s::uuid[], %s::text[], %s::bigint[]) w (id, tenant, seq) USING (id, tenant)
WHERE r.event_seq < w.seq AND r.status IN {CANCELLABLE}
"""

_PAIRS = f"""
SELECT k.run_id, r.function_id, k.event_seq, c.expression, c.event_seq, c.event_id, c.requested_by, c.reason,
    c.cause
FROM andon.cancel_keys k
JOIN andon.cancellations c ON c.key = k.key
JOIN andon.runs r ON r.id = k.run_id
WHERE (k.run_id = ANY(%(runs)s) OR c.event_seq = ANY(%(cancels)s) AND c.key = ANY(%(keys)s))
    AND r.status IN {CANCELLABLE} AND r.cancel_requested_at IS NULL
    AND (c.event_seq > k.event_seq OR c.remember_until IS NOT NULL AND c.remember_until >=
        (SELECT e.received_at FROM andon.events e WHERE e.seq = k.event_seq))
ORDER BY k.run_id, (c.event_seq > k.event_seq) DESC, c.event_seq
"""


About = tuple[uuid.UUID, uuid.UUID | None]
"""A run, with its subject."""


@dataclass(frozen=True)
class KeyedCancel:
    """A cancel event under one rule: it stops runs that have this key and an older event."""

    event: Event
    key: uuid.UUID
    function_id: str
    flag: str | None = None
    expression: str | None = None
    remember: dt.timedelta | None = None
    cause: str | None = None
    """A `CancelCause`, where nobody has asked for it."""


def cancels_by(rules: Iterable[tuple[str, CancelOn]], event: Event) -> dict[uuid.UUID, KeyedCancel]:
    """What the event cancels under those of the rules that name a field, by key; each rule comes with its function."""
    found: dict[uuid.UUID, KeyedCancel] = {}
    for function_id, rule in rules:
        key = cancel_key(event.tenant, function_id, rule, event.data)
        if key is not None:
            # A flag names a field's value alone: where an expression decides too, only runs are flagged.
            flag = None if rule.if_ else flag_name(event.tenant, function_id, rule, event.data)
            found.setdefault(key, KeyedCancel(event, key, function_id, flag, rule.if_, rule.remember))
    return found


def hold(connection: Connection, keys: Iterable[tuple[str, uuid.UUID]]) -> None:
    """Keep others from making or cancelling runs under these keys of tenants until the transaction ends.

    Beside an uncommitted batch a cancel doesn't see the run that the batch makes, and the batch not the cancel: so
    both hold the keys before they look. Taken after events are recorded and before any row of a subject or run.
    """
    named = {(_number(tenant), key.int % _BUCKETS) for tenant, key in keys}
    if not named:
        return
    whole = len(named) > _MOST_BUCKETS
    tenants = sorted({number << _BUCKET_BITS for number, _ in named})
    buckets = [] if whole else sorted((number << _BUCKET_BITS) + bucket + 1 for number, bucket in named)
    connection.execute(_HOLD, [[*tenants, *buckets], [not whole] * len(tenants) + [False] * len(buckets)])


def _number(tenant: str) -> int:
    """One of a million, so that two tenants seldom wait for each other."""
    return zlib.crc32(tenant.encode()) & 0xFFFFF


def lock_about(connection: Connection, runs: Sequence[About], *, also: Iterable[uuid.UUID] = ()) -> None:
    """Lock what these runs are about, and `also` other subjects, before any run's row is touched."""
    subjects.lock(connection, [*also, *(subject for _, subject in runs)])


def runs_by_id(connection: Connection, events: Sequence[Event]) -> list[Mark]:
    """The marks of cancels that name one run; locks the runs' subjects."""
    wanted = {
        (run_id, each.tenant): each
        for each in events
        if each.name == RUN_CANCELLED and (run_id := parse_id(each.data.get("runId"))) is not None
    }
    if not wanted:
        return []
    rows = [(id, tenant, each.seq) for (id, tenant), each in wanted.items()]
    found = connection.execute(_NAMED, columns(rows)).fetchall()
    lock_about(connection, [row[:2] for row in found])
    by_seq = {each.seq: each for each in wanted.values()}
    return [Mark(run_id, by_seq[seq]) for run_id, _, seq in found]


def store(connection: Connection, cancels: Sequence[KeyedCancel]) -> None:
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
            "users": [json_text(c.event.user) for c in cancels],
            "reasons": [reason_of(c.event) for c in cancels],
            "flags": [c.flag for c in cancels],
            "expressions": [c.expression for c in cancels],
            "causes": [c.cause for c in cancels],
            "remember": [c.remember.total_seconds() if c.remember else None for c in cancels],
        },
    )


def replace_singletons(connection: Connection, cancels: Sequence[KeyedCancel]) -> None:
    """Forget older cancels for a singleton's sake: each of these stops whatever they would."""
    if cancels:
        connection.execute(
            _FORGET_OLDER, [[c.key for c in cancels], [c.event.seq for c in cancels], str(CancelCause.SINGLETON)]
        )


def singletons(
    connection: Connection, keys: Sequence[uuid.UUID], *, waiting: bool = False
) -> list[tuple[uuid.UUID, uuid.UUID, int]]:
    """The open runs under these singletons' keys, oldest first: key, run, its event's seq. Only those `waiting` to be
    let in, if that is asked for.
    """
    if not keys:
        return []
    return connection.execute(_SINGLETONS, {"keys": list(keys), "waiting": waiting}).fetchall()


def open_runs(connection: Connection, keys: Sequence[uuid.UUID], *, limit: int | None = None) -> list[About]:
    """The open runs under any of these keys, each with its subject: what to lock before marking.

    At most `limit`.
    """
    return connection.execute(_OPEN_BY_KEY, [list(keys), limit]).fetchall() if keys else []


def stopping_many(connection: Connection, cancels: Sequence[KeyedCancel]) -> set[uuid.UUID]:
    """The keys of those of the cancels that meet more open runs than are stopped at once."""
    keys = list({each.key for each in cancels})
    return {key for (key,) in connection.execute(_STOPS_MANY, [keys])} if keys else set()


def pairs(
    connection: Connection, *, runs: Sequence[uuid.UUID], cancels: Sequence[KeyedCancel], until: float = math.inf
) -> Judged:
    """The open, unmarked runs that a stored cancel stops, among these runs or by these cancels; the first counts.

    `until` is when to give up (`judge`).
    """
    if not runs and not cancels:
        return Judged()
    values = {"runs": list(runs), "cancels": [c.event.seq for c in cancels], "keys": [c.key for c in cancels]}
    return judge(connection, [pair_of(*row) for row in connection.execute(_PAIRS, values)], until=until)


def request_key(tenant: str, event_id: str) -> uuid.UUID:
    """The key of one request's own run: what a cancel by subject names before the run is made."""
    text = json.dumps([tenant, "request", event_id])
    return uuid.UUID(bytes=hashlib.blake2b(text.encode(), digest_size=16).digest())


def remember_request_cancel(connection: Connection, event: Event, request_event_id: str) -> None:
    """Record `event` against a request whose run isn't made yet: it will be made as cancelled."""
    store(connection, [KeyedCancel(event, request_key(event.tenant, request_event_id), "")])
