"""Retention: forget what is old and that nothing refers to any more, in batches that hold no lock for long.

Order matters. First the low-water mark of the bus is recorded: from then on the dispatcher drops entries below it. Only
then may the inbox forget the events that those entries carry; otherwise an entry that is read again, by a group made
anew at 0, would be new to the inbox and start a month-old run.

Elsewhere are forgotten: datasets and artifacts (`files`), what webhooks were told (`webhooks`), tokens, as others are
made (`tokens`), and workers, as others say that they live (`workers`).
"""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from andon.adapters.postgres.connect import LOCKING, Connection, now
from andon.adapters.postgres.statuses import CANCELLABLE, TERMINAL
from andon.adapters.postgres.upkeep.keeping import keepings, kept
from andon.engine.ids import first_id

# An event may be published again long after it was accepted (a dispatcher was away, and relays then). Its later entry
# may lie above the mark, so the inbox remembers for longer than the bus.
RELAYED_LATE = dt.timedelta(days=1)
BEFORE_ALL = "0-0"

_LOCK_LOW_WATER = f"SELECT low_water, {LOCKING} FROM andon.dispatcher_leases FOR UPDATE"
_RAISE = "UPDATE andon.dispatcher_leases SET low_water = %s"
_OPEN = """
SELECT e.tenant, e.id FROM unnest(%s::text[], %s::text[]) w (tenant, id)
JOIN andon.events e ON e.tenant = w.tenant AND e.id = w.id JOIN andon.outbox o ON o.event_seq = e.seq
"""


def _batch(table: str, key: str, which: str, order: str) -> str:
    """Deletes the first of the rows that are `which`, in this order."""
    first = f"SELECT {key} FROM andon.{table} WHERE {which} ORDER BY {order} LIMIT %(batch)s"
    return f"DELETE FROM andon.{table} WHERE ({key}) IN ({first})"


# Of a cancel: it stops nothing any more, that isn't made yet either.
_VOID = """(remember_until IS NULL OR remember_until < clock_timestamp())
    AND event_seq < (SELECT coalesce(min(event_seq), 9223372036854775807) FROM andon.outbox)"""
# Runs are made with ids that sort by time, so those that may be old enough come first by primary key.
_OLD_RUNS = """
SELECT id FROM andon.runs WHERE id > %(after)s AND id < %(below)s ORDER BY id LIMIT %(batch)s
"""
_OLD_RUNS_OF = """
SELECT id FROM andon.runs WHERE tenant = %(tenant)s AND id > %(after)s AND id < %(below)s ORDER BY id LIMIT %(batch)s
"""
# What a subject shows is of its newest completed run.
_SHOWN = """
r.status = 'completed' AND r.kind = 'function'
    AND EXISTS (SELECT FROM andon.subjects s JOIN andon.subject_kinds k ON k.kind = s.kind AND k.row IS NOT NULL
        WHERE s.id = r.subject_id)
    AND NOT EXISTS (SELECT FROM andon.runs n WHERE n.subject_id = r.subject_id AND n.kind = 'function'
        AND n.status = 'completed' AND n.event_seq > r.event_seq)
"""
# Those that no row shows, or whose row is gone.
_DELETE_SUBJECTS = f"""
DELETE FROM andon.subjects s WHERE s.id IN (
    SELECT s.id FROM andon.subjects s LEFT JOIN andon.subject_kinds k ON k.kind = s.kind
    WHERE s.status <> 'active' AND s.updated_at < %(now)s - {kept("runs", "s.tenant", "%(keep)s")}
        AND NOT EXISTS (SELECT FROM andon.runs r WHERE r.subject_id = s.id)
        AND (k.row IS NULL OR (SELECT f.key IS NULL AND f.fault IS NULL
            FROM andon.find_row(s.kind, s.tenant, s.key) f))
    ORDER BY s.id LIMIT %(batch)s FOR UPDATE OF s SKIP LOCKED)
"""
_DELETE_RUNS = f"""
DELETE FROM andon.runs WHERE id IN (
    SELECT r.id FROM andon.runs r
    WHERE r.id = ANY(%(ids)s) AND r.status IN {TERMINAL}
        AND r.ended_at < %(now)s - {kept("runs", "r.tenant", "%(keep)s")}
        AND NOT EXISTS (SELECT FROM andon.runs c WHERE c.parent_run_id = r.id AND c.ended_at IS NULL)
        AND NOT ({_SHOWN})
    FOR UPDATE OF r SKIP LOCKED)
RETURNING tenant
"""
_DELETE_CANCELLATIONS = _batch("cancellations", "event_seq, key", f"requested_at < %(before)s AND {_VOID}", "event_seq")
_DELETE_WIDE = _batch("wide_cancellations", "id", f"status = 'done' AND requested_at < %(before)s AND {_VOID}", "id")
_DELETE_RULES = f"""
DELETE FROM andon.rules u WHERE u.retired_at < %(before)s AND NOT EXISTS (
    SELECT FROM andon.runs r WHERE r.function_id = u.function_id AND r.status IN {CANCELLABLE}
        AND r.queued_at <= u.retired_at)
"""
_DELETE_SKIPS = _batch("skips", "event_seq, function_id", "at < %(before)s", "at")
_DELETE_DEDUP = _batch("dedup", "key", "until < clock_timestamp()", "until")
# Before any is deleted: who looks back further than that doesn't see all.
_FORGETTING = """
INSERT INTO andon.maintenance AS m (name, facts)
VALUES ('forgotten', jsonb_build_object('before', %(before)s::timestamptz))
ON CONFLICT (name) DO UPDATE SET facts = excluded.facts, finished_at = clock_timestamp()
WHERE (m.facts->>'before')::timestamptz < %(before)s
"""
# A rate's key whose time is over is as free as one that has no row.
_KEYS = "SELECT key FROM andon.tats WHERE key > %(after)s ORDER BY key LIMIT %(batch)s"
_DELETE_RATES = "DELETE FROM andon.tats WHERE key = ANY(%(keys)s) AND tat < clock_timestamp()"
_OLD_EVENTS = """
SELECT seq, received_at FROM andon.events WHERE seq > %(after)s ORDER BY seq LIMIT %(batch)s
"""
_DELETE_EVENTS = """
DELETE FROM andon.events e WHERE e.seq = ANY(%(seqs)s)
    AND NOT EXISTS (SELECT FROM andon.runs r WHERE r.event_seq = e.seq)
    AND NOT EXISTS (SELECT FROM andon.runs r WHERE r.cancel_event_seq = e.seq)
    AND NOT EXISTS (SELECT FROM andon.outbox o WHERE o.event_seq = e.seq)
    AND NOT EXISTS (SELECT FROM andon.cancellations c WHERE c.event_seq = e.seq)
    AND NOT EXISTS (SELECT FROM andon.wide_cancellations w WHERE w.event_seq = e.seq)
"""
_DELETE_ANSWERS = _batch("idempotency_keys", "tenant, key", "created_at < %(before)s", "tenant, key")
_DELETE_DEAD = _batch("dead_events", "id", "created_at < %(before)s", "id")
_DELETE_AUDIT = _batch("audit", "id", "at < %(before)s", "id")


def position(stream_id: str) -> tuple[int, int]:
    """A stream id as what it is ordered by."""
    time, _, number = stream_id.partition("-")
    return int(time), int(number or 0)


def raise_low_water(connection: Connection, mark: str) -> str:
    """Record that entries below `mark` were all handled; returns the mark that holds now, which never falls.

    Waits for the dispatcher's transaction, if one is under way; those after it see the mark.
    """
    with connection.transaction():
        row = connection.execute(_LOCK_LOW_WATER).fetchone()
        if row is None:
            return BEFORE_ALL  # no dispatcher has ever led: nothing was handled
        highest: str = max(row[0], mark, key=position)
        if highest != row[0]:
            connection.execute(_RAISE, [highest])
    return highest


def still_open(connection: Connection, keys: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of the events (tenant, id) that are ours and not handled yet, wherever their entry lies."""
    if not keys:
        return set()
    return set(connection.execute(_OPEN, [[tenant for tenant, _ in keys], [id for _, id in keys]]).fetchall())


class Pruning:
    """Deletes in batches of `batch` rows, each a transaction of its own. The connection is in autocommit mode."""

    def __init__(self, connection: Connection, *, batch: int, deleted: Callable[[str, int], None]) -> None:
        self._connection = connection
        self._batch = batch
        self._deleted = deleted
        self._now = now(connection)

    def runs(self, keep: dt.timedelta) -> Counter[str]:
        """Forget runs that ended longer ago than `keep`, or than their tenant's own; returns how many of each tenant.

        Their steps and files go with them. Followed rows keep their newest. A tenant that keeps less is looked at by
        itself: the runs of all the others that are as young are none of it.
        """
        gone: Counter[str] = Counter()
        self._runs(_OLD_RUNS, {"keep": keep}, gone)
        for tenant, own in keepings(self._connection).items():
            if own.runs is not None and own.runs < keep:
                self._runs(_OLD_RUNS_OF, {"keep": own.runs, "tenant": tenant}, gone)
        self._drain("subjects", _DELETE_SUBJECTS, {"now": self._now, "keep": keep, "batch": self._batch})
        return gone

    def _runs(self, looked_for: str, values: dict[str, Any], gone: Counter[str]) -> None:
        values = {**values, "now": self._now, "below": first_id(self._now - values["keep"]), "batch": self._batch}
        after = uuid.UUID(int=0)
        while True:
            ids = [id for (id,) in self._connection.execute(looked_for, {**values, "after": after}).fetchall()]
            if not ids:
                return
            tenants = [of for (of,) in self._connection.execute(_DELETE_RUNS, {**values, "ids": ids}).fetchall()]
            gone.update(tenants)
            self._deleted("runs", len(tenants))
            after = ids[-1]

    def events(self, keep: dt.timedelta, low_water: str) -> None:
        """Forget what was received longer ago than `keep`, and before the bus' low-water mark was passed.

        Cancellations go first; an event stays for as long as a run or a cancellation refers to it.
        """
        handled = dt.datetime.fromtimestamp(position(low_water)[0] / 1000, dt.UTC)
        before = min(self._now - keep, handled) - RELAYED_LATE if handled.timestamp() > 0 else None
        if before is None:
            return
        values = {"before": before, "batch": self._batch}
        self._drain("cancellations", _DELETE_CANCELLATIONS, values)
        self._drain("cancellations", _DELETE_WIDE, values)
        self._delete("rules", _DELETE_RULES, values)
        self._drain("skips", _DELETE_SKIPS, values)
        self._drain("idempotency keys", _DELETE_DEDUP, values)
        self._drain("dead events", _DELETE_DEAD, values)
        self._connection.execute(_FORGETTING, values)
        after = 0
        while True:
            rows = self._connection.execute(_OLD_EVENTS, {"after": after, "batch": self._batch}).fetchall()
            old = [seq for seq, received in rows if received < before]
            if not old:
                return
            self._delete("events", _DELETE_EVENTS, {"seqs": old})
            after = rows[-1][0]

    def rates(self) -> None:
        """Forget the keys of rates and throttles that would let the next one through at once."""
        after = uuid.UUID(int=0)
        while keys := [key for (key,) in self._connection.execute(_KEYS, {"after": after, "batch": self._batch})]:
            self._delete("keys of rates", _DELETE_RATES, {"keys": keys})
            after = keys[-1]

    def answers(self, keep: dt.timedelta) -> None:
        """Forget the answers kept under Idempotency-Keys."""
        self._drain("idempotency keys", _DELETE_ANSWERS, {"before": self._now - keep, "batch": self._batch})

    def audit(self, keep: dt.timedelta) -> None:
        """Forget who changed what longer ago than `keep`."""
        self._drain("audit entries", _DELETE_AUDIT, {"before": self._now - keep, "batch": self._batch})

    def _drain(self, what: str, statement: str, values: dict[str, Any]) -> None:
        while self._delete(what, statement, values):
            pass

    def _delete(self, what: str, statement: str, values: dict[str, Any]) -> int:
        count = self._connection.execute(statement, values).rowcount
        self._deleted(what, count)
        return int(count)
