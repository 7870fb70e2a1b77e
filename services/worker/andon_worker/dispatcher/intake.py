"""The intake: take entries off the bus, commit them, then signal, then acknowledge. A crash anywhere repeats.

Nothing that an entry holds ends this or keeps its neighbours waiting. Where a batch fails because of one, halves of it
are tried until that one is found, and it is dead with its reason. What was only too much at once is held again, and its
tenants' entries come in smaller batches, each tenant's alone, while the others' go on; an entry that is too much alone
is put by, with its place in the order of events, and tried again later.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import psycopg
from redis import Redis
from redis.exceptions import ResponseError

from andon.adapters.cel import TooLong
from andon.adapters.postgres.away import Away, first_line, why_away
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.doors.pauses import Pauses
from andon.adapters.postgres.events import dead_events, inbox
from andon.adapters.postgres.events.dead_events import Dead
from andon.adapters.postgres.events.known_tenants import known_tenants
from andon.adapters.postgres.events.own_events import check_own
from andon.adapters.postgres.upkeep.retention import position, still_open
from andon.adapters.redis.bounded import ReplyTooLarge
from andon.adapters.redis.bus import GROUP, STREAM, decode, preserve
from andon.adapters.redis.stream.ahead import Ahead
from andon.adapters.redis.stream.reading import BoundedReader, Entry, place_of, size, tenant_of
from andon.adapters.redis.unhandled import ages, newest_read, oldest_unacknowledged
from andon.engine.declared.gates import is_limited
from andon.engine.errors import EventError
from andon.engine.events import DEFAULT_TENANT, ENDS, Event, why_only_ours
from andon_worker.dispatcher.batches.batch import Effects, record_batch
from andon_worker.dispatcher.batches.costly import Costly
from andon_worker.dispatcher.batches.sharing import MANY_BESIDE_OTHERS, Sharing
from andon_worker.dispatcher.batches.size import MOST, MOST_BYTES, BatchSize
from andon_worker.dispatcher.halving import halving, is_nobodys_fault, is_too_much
from andon_worker.dispatcher.leader import Leader
from andon_worker.dispatcher.low_water import forgotten
from andon_worker.dispatcher.observing import batch_observed

if TYPE_CHECKING:
    from andon.adapters.tracing.spans import Tracing

log = logging.getLogger(__name__)

_ENDS = {name.encode() for name in ENDS}
PUT_BY_SECONDS = 5.0
LONGEST_PUT_BY_SECONDS = 300.0
TRIES = 5
READS_AT_ONCE = 4
AHEAD_SECONDS = 0.4  # at a time, while the bus is longer than was read: who waits there waits longest
LONGEST_SECONDS = 1.0  # that many events' expressions may take in one batch; one's are bounded
LONGEST_BESIDE_SECONDS = 0.3  # while others send, too
COSTLY_SECONDS = 0.05  # for batches of tenants that were too much, after those of the others
TRIES_KEPT = 10_000
LATE_SECONDS = 5.0  # so much later than its row may an entry be made
TOLD_AT_ONCE = 10


Read = tuple[Entry, Event]
Unfit = tuple[Entry, str]
"""An entry that can't be an event, and why."""


@dataclass(frozen=True)
class Done:
    """Entries that are committed, and what to tell Redis of them."""

    entries: Sequence[Entry]
    effects: Effects


class Intake:
    """Moves entries from the bus into Postgres."""

    def __init__(
        self,
        leader: Leader,
        blocking: Redis,
        signal: Callable[[Effects], None],
        tracing: Tracing | None = None,
        *,
        pauses: Pauses | None = None,
    ) -> None:
        self._leader = leader
        self._redis = leader.redis
        self._metrics = leader.metrics
        self._reader = BoundedReader(leader.redis, blocking, STREAM, GROUP)
        self._signal = signal
        self._can_wait = {name.encode() for name in ENDS if not leader.registry.concerns(name)}
        self._limited = [json.dumps(each.id).encode() for each in leader.registry if is_limited(each)]
        self._put_off: list[Entry] = []
        self._tracing = tracing
        self._pauses = Pauses() if pauses is None else pauses
        self._size = BatchSize()
        self._sharing = Sharing()
        self._costly = Costly()
        self._ahead = Ahead(leader.redis, STREAM, GROUP)
        self._outbox_at = 0.0
        self._outbox_after = 0
        self._passed: set[str] = set()
        self._end_read_at = float("-inf")
        self._resuming = True
        self._resumed_to = "-"
        self.behind = False
        """Whether much was read ahead, and the bus wasn't read to its end since."""
        self._tries: dict[tuple[str, str], int] = {}
        self.pending_first = True
        self.awaited = True
        """Whether runs may wait for events: False only while it is known that none does."""
        self.went_on_at = time.monotonic()
        """When it last handled an entry, or found none."""
        self.freed = False
        """Whether it read of the end of a run whose function has limits since this was last set to False."""

    def step(self, *, block_ms: int) -> int:
        """Handle what is next, what was read before and not acknowledged first; return how many entries there were.

        That is more than none as long as any are held.
        """
        read = 0
        if self.pending_first:  # it is all pending, what is held here, too
            self.pending_first, self._resuming, self._resumed_to = False, True, "-"
            self._sharing.clear()
            self._put_off.clear()
            self._ahead.forget()
        if self._resuming:
            read = self._resume()
        if not self._resuming and not read:
            read = self._read_on(block_ms)
        if self.pending_first:
            return read  # what could wait has failed
        batches = self._sharing.take(self._size.now, MOST_BYTES, apart=self._costly)
        if not batches:
            self.went_on_at = time.monotonic()
        for batch in batches:
            self._handle(batch)
        handled = sum(map(len, batches)) + self._handle_costly()
        return max(read, handled, len(self._sharing))

    def _resume(self) -> int:
        """Read what is pending, as far as there is room to hold it: nobody's many keep what is new of others."""
        read = 0
        for _ in range(READS_AT_ONCE):
            if self._sharing.full:
                break
            entries = self._pending()
            self._sharing.add(entries)
            read += len(entries)
            self._resuming = len(entries) > 0
            if not self._resuming:
                break
        self.behind = self.behind or self._sharing.long
        return read

    def _handle_costly(self) -> int:
        """A batch of a tenant that was too much, or those of several that cost little; how many entries they had."""
        handled, until = 0, time.monotonic() + COSTLY_SECONDS
        while (turn := self._costly.next(self._sharing.tenants, beside=self._beside)) is not None:
            tenant, most = turn
            batch = self._sharing.take_of_one(tenant, most, MOST_BYTES)
            began = time.monotonic()
            fits = self._try(batch)
            seconds = time.monotonic() - began
            self._costly.took(tenant, len(batch), seconds, handled=fits, left=tenant in self._sharing.tenants)
            handled += len(batch)
            if time.monotonic() >= until:
                break
        return handled

    def _read_on(self, block_ms: int) -> int:
        """Read more than is handled at once, to see who has sent little; wait for the first where nothing is held."""
        read = 0
        for _ in range(READS_AT_ONCE):
            if not self._sharing.full:
                asked = time.monotonic()
                entries = self._new(self._patience(block_ms))
                if not entries and not self.pending_first:
                    self._end_read_at = asked
                self._sharing.add(self._put_off_what_can_wait(entries))
                read += len(entries)
                self.behind = self._sharing.long or (self.behind and len(entries) > 0)
                if not self.behind:
                    self._ahead.forget()
                if len(entries) < MOST:
                    break
        return read

    def _patience(self, block_ms: int) -> int:
        """For how many milliseconds to wait for an entry: while something may be handled, not at all."""
        if self._sharing:
            return min(block_ms, int(1_000 * self._costly.rest(self._sharing.tenants))) if self._beside else 0
        return block_ms

    @property
    def _beside(self) -> bool:
        """Whether what is read of others may come beside what is held of a tenant that rests."""
        return self._sharing.several and not self._sharing.full

    def handle_put_off(self) -> None:
        """Handle what could wait: many ends of runs together cost little more than one."""
        if not self.pending_first:
            entries, self._put_off = self._put_off, []
            self._handle(entries)

    def _put_off_what_can_wait(self, entries: Sequence[Entry]) -> list[Entry]:
        """The entries to handle now. What tells of a run's end, and starts and stops nothing, waits."""
        urgent = [each for each in entries if not self._has_time(each)]
        self.freed = self.freed or any(map(self._may_free, entries))
        self._put_off += [each for each in entries if self._has_time(each)]
        if len(self._put_off) >= MOST or sum(map(size, self._put_off)) >= MOST_BYTES:
            self.handle_put_off()
        return urgent

    def _may_free(self, entry: Entry) -> bool:
        """Whether it may tell of the end of a run whose function has limits."""
        if not self._limited or entry[1].get(b"name") not in _ENDS:
            return False
        data = entry[1].get(b"data", b"")
        return any(id in data for id in self._limited)

    def _has_time(self, entry: Entry) -> bool:
        """Whether nobody waits for it, as a parent does for its child's end."""
        return entry[1].get(b"name") in self._can_wait and b'"parentRunId"' not in entry[1].get(b"data", b"")

    def overtake(self) -> None:
        """Handle what tenants that have little on the bus have further ahead on it, and what was accepted of them:
        when it is read to where that lies, it had its effect.
        """
        self._look_ahead(time.monotonic() + AHEAD_SECONDS)
        began = time.monotonic()
        if began < self._outbox_at:
            return
        found = self._open_of_others()
        if not found:  # to look through what many of one tenant have left there takes long
            self._outbox_at = time.monotonic() + 9 * (time.monotonic() - began)
        try:
            self._overtake(found)
        except Exception as error:
            if not is_too_much(error):
                raise
            for tenant in sorted({tenant for tenant, _ in found}):
                self._overtake_of(tenant, [key for key in found if key[0] == tenant])

    def _open_of_others(self) -> list[tuple[str, str]]:
        """Some of the next part of the outbox. Who was passed over in one part is in all that follow it."""
        self._passed.update(self._sharing.many(), self._costly)
        found, more, self._outbox_after = inbox.open_of_others(
            self._leader.connection(), list(self._passed), MANY_BESIDE_OTHERS, after=self._outbox_after
        )
        self._passed = self._passed | more if self._outbox_after else set()
        return found

    def _overtake_of(self, tenant: str, keys: Sequence[tuple[str, str]]) -> None:
        try:
            self._overtake(keys)
        except Exception as error:
            if not is_too_much(error):
                raise
            self._costly.was_too_much([tenant], len(keys))

    def _overtake(self, keys: Sequence[tuple[str, str]]) -> None:
        effects: list[Effects] = []

        def leave(key: tuple[str, str], error: Exception) -> None:
            log.warning("event %s of %s is left to the bus: %s", key[1], key[0], type(error).__name__)

        try:
            halving(keys, lambda some: effects.append(self._commit_accepted(some)), leave)
        finally:
            for each in effects:
                self._signal(each)

    def _look_ahead(self, until: float) -> None:
        """Handle entries that lie ahead, of each tenant in its order: what is held of it comes before them."""
        if self.pending_first or self._resuming:
            return
        tenants = known_tenants(self._leader.connection()) - {*self._sharing.many(), *self._costly}
        while time.monotonic() < until and (entries := self._ahead.next(tenants)) is not None:
            entries = [*self._sharing.take_of({tenant_of(each) for each in entries}), *entries]
            at_once = self._size.now
            for start in range(0, len(entries), at_once):
                if not self._handle(entries[start : start + at_once]):
                    self._sharing.add(entries[start + at_once :])
                    return

    def _commit_accepted(self, keys: Sequence[tuple[str, str]]) -> Effects:
        connection = self._leader.connection()
        with connection.transaction():
            self._leader.leadership.hold(connection)
            events = [_named_by(key) for key in keys]
            return record_batch(
                connection,
                self._leader.registry,
                events,
                [None] * len(events),
                awaited=self.awaited,
                pauses=self._pauses,
                until=time.monotonic() + LONGEST_BESIDE_SECONDS,
            )

    def unhandled(self) -> tuple[float, dict[str, float]]:
        """For how many seconds events may lie on the bus that aren't held here, and those of tenants of whom some are
        held: since they were published, which their entries may tell a little late.
        """
        resuming = self.pending_first or self._resuming  # what is pending isn't all held yet
        held = {} if resuming else self._sharing.oldest()
        for entry in () if resuming else self._put_off:
            held[tenant_of(entry)] = min(held.get(tenant_of(entry), entry[0]), entry[0], key=place_of)
        pending = oldest_unacknowledged(self._redis) if resuming else None
        found = ages(self._redis, [newest_read(self._redis), *filter(None, [pending]), *held.values()])
        read, *others = (age + LATE_SECONDS for age in found)
        unread = min(read, time.monotonic() - self._end_read_at)
        return max(unread, others.pop(0)) if pending else unread, dict(zip(held, others, strict=True))

    @property
    def _longest(self) -> float:
        return LONGEST_BESIDE_SECONDS if self._sharing.several else LONGEST_SECONDS

    @property
    def idle_for(self) -> float:
        """Seconds since it handled an entry, or found none."""
        return time.monotonic() - self.went_on_at

    def create_group(self) -> None:
        """Make the consumer group from the stream's beginning, never from `$`: what waits there must be read."""
        try:
            self._redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _new(self, block_ms: int) -> list[Entry]:
        """Entries that nobody has read; what is too large to come with others is pending then, and comes alone."""
        holder = self._leader.leadership.holder
        try:
            return self._reader.new(holder, count=MOST, most_bytes=MOST_BYTES, block_ms=block_ms)
        except ReplyTooLarge:
            self.pending_first = True
            return []

    def _pending(self) -> list[Entry]:
        """Entries read by anyone and not acknowledged; those trimmed meanwhile are acknowledged and counted.

        Being the leader, this one may handle them whoever read them: what the former one commits, the fence refuses.
        Each time they are those that come next.
        """
        entries, gone = self._reader.pending(self._resumed_to, count=MOST, most_bytes=MOST_BYTES)
        if last := max([*(id for id, _ in entries), *gone], key=place_of, default=None):
            self._resumed_to = f"({last}"
        if gone:
            log.warning("%d pending entries were trimmed from the bus: %s ...", len(gone), min(gone))
            self._redis.xack(STREAM, GROUP, *gone)
            self._metrics.dropped("trimmed", len(gone))
            return entries or self._pending()
        return entries

    def _handle(self, entries: Sequence[Entry]) -> bool:
        """Take these in; False if some are left, which are held to be taken again, fewer at once."""
        if not entries:
            self.went_on_at = time.monotonic()
            return True
        began = time.monotonic()
        if not self._try(entries):
            self._size.was_too_much(len(entries))
            return False
        self._size.went_well(len(entries), time.monotonic() - began, beside=self._sharing.several)
        return True

    def _try(self, entries: Sequence[Entry]) -> bool:
        self.pending_first = True  # until this batch is acknowledged, it is what a failure must come back to
        done: list[Done] = []
        fits = True
        try:
            halving(entries, partial(self._record, done), partial(self._give_up, done))
        except Exception as error:
            if not is_too_much(error):
                raise
            handled = {id for each in done for id, _ in each.entries}
            fits = self._ease([each for each in entries if each[0] not in handled], error)
        finally:
            for each in done:
                self._finish(each)
        self.pending_first = False
        return fits

    def _record(self, done: list[Done], entries: Sequence[Entry]) -> None:
        events, dead = self._decode(entries)
        with self._observed([event for _, event in events]) as seen:
            paired = [(entry, event) for (entry, _), event in zip(events, seen, strict=True)]
            done.append(Done(entries, self._commit(paired, dead)))
        self.went_on_at = time.monotonic()

    def _observed(self, events: list[Event]) -> AbstractContextManager[list[Event]]:
        return nullcontext(events) if self._tracing is None else batch_observed(self._tracing, events)

    def _finish(self, done: Done) -> None:
        self._signal(done.effects)
        self._redis.xack(STREAM, GROUP, *[id for id, _ in done.entries])
        self.went_on_at = time.monotonic()

    def _commit(self, events: Sequence[Read], dead: Sequence[Unfit]) -> Effects:
        """Record the batch, but for entries that retention has passed; they are acknowledged and counted."""
        connection = self._leader.connection()
        with connection.transaction():
            low_water = self._leader.leadership.hold(connection)
            accepted, unfit = self._accepted(connection, dead)
            listed: list[tuple[str, Event | None]] = [
                *((id, event) for (id, _), event in [*events, *accepted]),
                *((id, None) for (id, _), _ in unfit),
            ]
            gone = forgotten(connection, listed, position(low_water))
            kept = [(id, event) for (id, _), event in [*events, *accepted] if id not in gone]
            effects = Effects()
            if kept:
                effects = record_batch(
                    connection,
                    self._leader.registry,
                    [event for _, event in kept],
                    [id for id, _ in kept],
                    awaited=self.awaited,
                    pauses=self._pauses,
                    until=time.monotonic() + self._longest if len(kept) > 1 else math.inf,
                )
            refused = [(entry, why) for entry, _ in [*events, *accepted] if (why := effects.refused.get(entry[0]))]
            if buried := [each for each in [*unfit, *refused] if each[0][0] not in gone]:
                self._bury(connection, buried)
            elif effects.repeatable:
                inbox.need_no_disk(connection)
        self._metrics.dropped("forgotten", len(gone))
        return effects

    def _accepted(self, connection: Connection, dead: Sequence[Unfit]) -> tuple[list[Read], Sequence[Unfit]]:
        """Of unfit entries, those that were accepted before: what they are, the inbox knows. And the rest."""
        keys = [key for entry, _ in dead if (key := _key(entry))]
        if not keys:
            return [], dead
        still = still_open(connection, keys)
        accepted = [(entry, _named_by(key)) for entry, _ in dead if (key := _key(entry)) in still and key]
        return accepted, [each for each in dead if _key(each[0]) not in still]

    def _decode(self, entries: Sequence[Entry]) -> tuple[list[Read], list[Unfit]]:
        events: list[Read] = []
        dead: list[Unfit] = []
        for entry in entries:
            try:
                events.append((entry, check_own(decode(entry[0], entry[1]))))
            except EventError as error:
                dead.append((entry, str(error)))
            except MemoryError:
                raise
            except Exception as error:
                dead.append((entry, self._blame(entry, error)))
        return events, dead

    def _give_up(self, done: list[Done], entry: Entry, error: Exception) -> None:
        """This one can't be handled, whatever is done: keep it with the reason, and go on."""
        reason = self._blame(entry, error)
        try:
            self._commit_dead((entry, reason))
        except Exception as again:
            if is_nobodys_fault(again):
                raise
            log.exception("entry %s can't be kept whole among the dead", entry[0])
            self._commit_dead(((entry[0], {}), reason))
        done.append(Done([entry], Effects()))

    def _commit_dead(self, dead: Unfit) -> None:
        connection = self._leader.connection()
        with connection.transaction():
            self._leader.leadership.hold(connection)
            self._bury(connection, [dead])

    def _blame(self, entry: Entry, error: Exception) -> str:
        """The reason to keep with an entry. What isn't an unstorable value is a fault of ours, and told loudly."""
        if not isinstance(error, psycopg.DataError):
            log.error("entry %s makes our code fail", entry[0], exc_info=error)
            self._metrics.failed("entry")
        who = "refused by the database" if isinstance(error, psycopg.Error) else "our code failed on it"
        return f"{who}: {type(error).__name__}: {first_line(error)}"

    def _ease(self, entries: Sequence[Entry], error: Exception) -> bool:
        """It was too much at once: fewer come, each tenant's alone; and one that is too much alone is put by."""
        why = why_away(error) or (Away.SLOW if isinstance(error, TooLong) else Away.EXHAUSTED)
        if len(entries) > 1:
            tenants = {tenant_of(each) for each in entries}
            log.warning("%d entries of %d tenants were too much (%s): fewer come", len(entries), len(tenants), why)
            self._costly.was_too_much(tenants, len(entries))
            self._sharing.give_back(entries)
            return False
        [entry] = entries
        if not self._decode([entry])[0]:
            raise error  # it is only to be buried: not even that can be done now
        tries = self._count_try(_key(entry) or ("", entry[0]))
        if why is Away.CONTENDED and tries < TRIES:
            self._sharing.give_back(entries)
            return False
        self._put_by(entry, why, tries)
        return True

    def _count_try(self, key: tuple[str, str]) -> int:
        if len(self._tries) > TRIES_KEPT:
            self._tries.clear()
        self._tries[key] = self._tries.get(key, 0) + 1
        return self._tries[key]

    def _put_by(self, entry: Entry, why: Away, tries: int) -> None:
        """Accept it as the API would, and let the relay bring it again; dead if it was too much time after time."""
        [(_, event)] = self._decode([entry])[0]
        connection = self._leader.connection()
        with connection.transaction():
            self._leader.leadership.hold(connection)
            inbox.check_no_table_is_locked(connection)
            if tries >= TRIES and why not in {Away.LOCKED, Away.CONTENDED}:
                self._bury(connection, [(entry, f"too much for one transaction: {why}")])
            elif (alone := why_only_ours(event.name)) and not still_open(connection, [(event.tenant, event.id)]):
                self._bury(connection, [(entry, f"name: {alone}")])
            else:
                seconds = min(PUT_BY_SECONDS * 2 ** (tries - 1), LONGEST_PUT_BY_SECONDS)
                inbox.put_by(connection, event, entry[0], seconds=seconds)
                log.warning("entry %s can't take effect now (%s) and is put by for %g s", entry[0], why, seconds)
        self._finish(Done([entry], Effects()))

    def _bury(self, connection: Connection, unfit: Sequence[Unfit]) -> None:
        for (id, _), reason in unfit[:TOLD_AT_ONCE]:
            log.error("entry %s is dead: %s", id, reason)
        if len(unfit) > TOLD_AT_ONCE:
            log.error("and %d entries more are dead", len(unfit) - TOLD_AT_ONCE)
        dead_events.bury(connection, [self._dead(entry, reason) for entry, reason in unfit])

    def _dead(self, entry: Entry, reason: str) -> Dead:
        id, fields = entry
        key = _key(entry)
        return Dead(id, tenant_of(entry), preserve(fields), reason, key[1] if key else None)


def _key(entry: Entry) -> tuple[str, str] | None:
    """Tenant and id of the event that the entry says it is, if it says so."""
    try:
        id, tenant = entry[1].get(b"id", b"").decode(), entry[1].get(b"tenant", b"").decode()
    except UnicodeDecodeError:
        return None
    return (tenant or DEFAULT_TENANT, id) if id and "\x00" not in id + tenant else None


def _named_by(key: tuple[str, str]) -> Event:
    """An event that the inbox has: the rest of it is there."""
    return Event("", tenant=key[0], id=key[1])
