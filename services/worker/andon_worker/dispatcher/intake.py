"""The intake: take entries off the bus, commit them, then signal, then acknowledge. A crash anywhere repeats."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from redis import Redis
from redis.exceptions import ResponseError

from andon.adapters.postgres.away import first_line, is_misfit, why_away
from andon.adapters.postgres.database import Database
from andon.adapters.postgres.own_events import check_own
from andon.adapters.postgres.retention import position
from andon.adapters.redis.bus import GROUP, STREAM, decode, preserve
from andon.engine.errors import EventError
from andon.engine.events import DEFAULT_TENANT, ENDS, Event
from andon.engine.functions import Registry
from andon.reports.events import spelled
from andon_worker.dispatcher.batch import Effects, record_batch
from andon_worker.dispatcher.leadership import Leadership
from andon_worker.dispatcher.low_water import forgotten
from andon_worker.dispatcher.observing import batch_observed
from andon_worker.metrics import DispatcherMetrics

if TYPE_CHECKING:
    from andon.adapters.tracing.spans import Tracing

log = logging.getLogger(__name__)
BATCH = 500

_BURY = """
INSERT INTO andon.dead_events (stream_id, tenant, fields, reason)
SELECT * FROM unnest(%s::text[], %s::text[], %s::jsonb[], %s::text[]) ON CONFLICT (stream_id) DO NOTHING
"""
# A commit that a crash of the server may lose: the outbox then still has the events. What follows it, a claim or a
# step's result, is written in order behind it, so it is never lost alone.
_NEED_NO_DISK = "SET LOCAL synchronous_commit TO off"

Entry = tuple[str, Mapping[bytes, bytes]]


@dataclass(frozen=True)
class Dead:
    """An entry that can't be an event, and why."""

    entry: Entry
    reason: str


class Intake:
    """Moves entries from a stream into Postgres."""

    def __init__(
        self,
        redis: Redis,
        blocking: Redis,
        database: Database,
        registry: Registry,
        leadership: Leadership,
        signal: Callable[[Effects], None],
        metrics: DispatcherMetrics,
        tracing: Tracing | None = None,
        *,
        stream: str = STREAM,
    ) -> None:
        self._redis = redis
        self._blocking = blocking
        self._database = database
        self._registry = registry
        self._leadership = leadership
        self._signal = signal
        self._metrics = metrics
        self._can_wait = {name.encode() for name in ENDS if not registry.concerns(name)}
        self._put_off: list[Entry] = []
        self._tracing = tracing
        self._stream = stream
        self.pending_first = True

    def step(self, *, block_ms: int) -> int:
        """Handle one batch, what was read before and not acknowledged first; return how many entries it had."""
        resumed = self.pending_first
        if resumed:
            self._put_off.clear()  # they are pending, too
            entries = urgent = self._pending()
        else:
            entries = self._new(block_ms)
            urgent = self._put_off_what_can_wait(entries)
        self._handle(urgent)
        self.pending_first = resumed and bool(entries)
        return len(entries)

    def handle_put_off(self) -> None:
        """Handle what could wait: many ends of runs together cost little more than one."""
        if not self.pending_first:
            entries, self._put_off = self._put_off, []
            self._handle(entries)
            self.pending_first = False

    def _put_off_what_can_wait(self, entries: Sequence[Entry]) -> list[Entry]:
        """The entries to handle now. What tells of a run's end, and starts and stops nothing, waits."""
        urgent = [each for each in entries if each[1].get(b"name") not in self._can_wait]
        self._put_off += [each for each in entries if each[1].get(b"name") in self._can_wait]
        if len(self._put_off) >= BATCH:
            self.handle_put_off()
        return urgent

    def create_group(self) -> None:
        """Make the consumer group from the stream's beginning, never from `$`: what waits there must be read."""
        try:
            self._redis.xgroup_create(self._stream, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _new(self, block_ms: int) -> list[Entry]:
        found: Any = self._blocking.xreadgroup(
            GROUP, self._leadership.holder, {self._stream: ">"}, count=BATCH, block=max(block_ms, 1)
        )
        return [(id.decode(), fields) for _stream, entries in found or () for id, fields in entries]

    def _pending(self) -> list[Entry]:
        """Entries read by anyone and not acknowledged; those trimmed meanwhile are acknowledged and counted.

        Being the leader, this one may handle them whoever read them: what the former one commits, the fence refuses.
        """
        listed: Any = self._redis.xpending_range(self._stream, GROUP, min="-", max="+", count=BATCH)
        ids = [row["message_id"].decode() for row in listed]
        pipe = self._redis.pipeline(transaction=False)
        for id in ids:
            pipe.xrange(self._stream, min=id, max=id)
        found = pipe.execute() if ids else []
        entries = [(id, rows[0][1]) for id, rows in zip(ids, found, strict=True) if rows]
        if len(entries) < len(ids):
            gone = sorted(set(ids) - {id for id, _ in entries})
            log.warning("%d pending entries were trimmed from the bus: %s ...", len(gone), gone[0])
            self._redis.xack(self._stream, GROUP, *gone)
            self._metrics.dropped("trimmed", len(gone))
            return entries or self._pending()
        return entries

    def _handle(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        self.pending_first = True  # until this batch is acknowledged, it is what a failure must come back to
        events, dead = self._decode(entries)
        if self._tracing is None:
            self._take(entries, events, dead)
        else:
            with batch_observed(self._tracing, [event for _, event in events]) as traced:
                self._take(entries, [(entry, event) for (entry, _), event in zip(events, traced, strict=True)], dead)

    def _take(self, entries: Sequence[Entry], events: Sequence[tuple[Entry, Event]], dead: Sequence[Dead]) -> None:
        effects = self._commit(events, dead)
        self._signal(effects)
        self._redis.xack(self._stream, GROUP, *[id for id, _ in entries])

    def _commit(self, events: Sequence[tuple[Entry, Event]], dead: Sequence[Dead]) -> Effects:
        """Commit the batch; where the data of one entry makes it fail, replay singly, and that one is dead."""
        try:
            return self._transaction(events, dead)
        except psycopg.Error as error:
            if why_away(error) or is_misfit(error):
                raise
            if len(events) == 1:
                refused = Dead(events[0][0], f"refused by the database: {first_line(error)}")
                return self._transaction([], [*dead, refused])
        effects = self._transaction([], dead) if dead else Effects()
        for each in events:
            one = self._commit([each], [])
            effects.started += one.started
            effects.flags |= one.flags
            effects.settled += one.settled
            effects.failed_evaluations += one.failed_evaluations
        return effects

    def _transaction(self, events: Sequence[tuple[Entry, Event]], dead: Sequence[Dead]) -> Effects:
        """Record the batch, but for entries that retention has passed; they are acknowledged and counted."""
        connection = self._database.connection()
        with connection.transaction():
            low_water = self._hold(connection)
            effects = Effects()
            entries: list[tuple[str, Event | None]] = [(id, event) for (id, _), event in events]
            listed = [*entries, *((each.entry[0], None) for each in dead)]
            gone = forgotten(connection, listed, position(low_water))
            kept = [(self._name(id), event) for (id, _), event in events if id not in gone]
            if kept:
                effects = record_batch(connection, self._registry, [event for _, event in kept], [id for id, _ in kept])
            refused = effects.refused
            dead = [*dead, *(Dead(e, refused[self._name(e[0])]) for e, _ in events if self._name(e[0]) in refused)]
            if buried := [each for each in dead if each.entry[0] not in gone]:
                self._bury(connection, buried)
            elif effects.repeatable:
                connection.execute(_NEED_NO_DISK)
        self._metrics.dropped("forgotten", len(gone))
        return effects

    def _decode(self, entries: Sequence[Entry]) -> tuple[list[tuple[Entry, Event]], list[Dead]]:
        events, dead = [], []
        for entry in entries:
            try:
                events.append((entry, spelled(check_own(decode(self._name(entry[0]), entry[1])))))
            except EventError as error:
                dead.append(Dead(entry, str(error)))
        return events, dead

    def _bury(self, connection: psycopg.Connection[Any], dead: Sequence[Dead]) -> None:
        rows = [
            (self._name(each.entry[0]), _tenant(each.entry), json.dumps(preserve(each.entry[1])), each.reason)
            for each in dead
        ]
        for name, _, _, reason in rows:
            log.error("entry %s is dead: %s", name, reason)
        connection.execute(_BURY, [list(column) for column in zip(*rows, strict=True)])

    def _name(self, stream_id: str) -> str:
        """What names an entry in the inbox and among the dead events."""
        return stream_id

    def _hold(self, connection: psycopg.Connection[Any]) -> str:
        """Until the transaction ends, nobody else leads and the stream's low-water mark, returned, doesn't rise."""
        return self._leadership.hold(connection)


def _tenant(entry: Entry) -> str:
    text = entry[1].get(b"tenant", b"").decode(errors="replace").replace("\x00", "\ufffd")
    return text or DEFAULT_TENANT
