"""The dispatcher's loop: lead or stand by, take in, keep up. One thread, so that order is plain."""

from __future__ import annotations

import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from andon.adapters.postgres.away import first_line, is_misfit, why_away
from andon.adapters.postgres.cancels import cascades, wide
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.database import Database
from andon.adapters.postgres.doors import pauses, turns
from andon.adapters.postgres.doors.pauses import Pauses
from andon.adapters.postgres.events import arrivals, dead_events, former_streams, inbox, wait_paths
from andon.adapters.postgres.registered import functions, schedules
from andon.adapters.postgres.runs.settle import Settled, tell
from andon.adapters.postgres.subjects import rows_owed, subjects
from andon.adapters.redis import bus, flags
from andon.adapters.redis.away import answer as redis_answer
from andon.adapters.redis.away import why_away as redis_why_away
from andon.adapters.redis.live import announce
from andon.adapters.redis.sending import Command
from andon.engine.declared.functions import Registry
from andon.engine.declared.rules import run_flag
from andon.engine.dispatch.lines import ALONE, URGENT
from andon.settings import Settings
from andon_worker.broker import HintBroker
from andon_worker.dispatcher import upkeep
from andon_worker.dispatcher.batches.batch import Effects
from andon_worker.dispatcher.former import FormerIntake, FormerStreams
from andon_worker.dispatcher.gatekeeper import Gatekeeper
from andon_worker.dispatcher.halving import halving, is_nobodys_fault, is_too_much
from andon_worker.dispatcher.intake import Intake
from andon_worker.dispatcher.leadership import Leadership, NotLeader
from andon_worker.dispatcher.ticking import tick
from andon_worker.metrics import DispatcherMetrics

if TYPE_CHECKING:
    from andon.adapters.tracing.spans import Tracing

log = logging.getLogger(__name__)
BLOCK_MS = 200
UPKEEP_SECONDS = 0.25
RELAY_SECONDS = 1.0
RELAY_BEHIND_SECONDS = 60.0
RELAY_CHUNK = 2_000
RELAYED_AT_ONCE = 20  # each may be as large as an event may be
FLAGS_AT_ONCE = 1_000
NO_SEQ = 2**53  # of a cancel that is no event: later than all
FORGOTTEN_SECONDS = 5.0
FLOORS_SECONDS = 1.0
TAKE_OUT_SECONDS = 0.5
QUEUES_SECONDS = 1.0
STANDBY_SECONDS = 0.5


class DispatcherService:
    """Runs until asked to stop. While either store is away it waits; nothing is acknowledged without a commit."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        database: Database,
        redis: Redis,
        blocking: Redis,
        broker: HintBroker,
        leadership: Leadership,
        metrics: DispatcherMetrics,
        tracing: Tracing | None = None,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._database = database
        self._redis = redis
        self._broker = broker
        self._leadership = leadership
        intake = redis, blocking, database, registry, leadership, self._signal, metrics, tracing
        self._pauses = Pauses()
        self._intake = Intake(*intake, pauses=self._pauses)
        self._former = FormerStreams(redis, lambda stream: FormerIntake(*intake, stream=stream, pauses=self._pauses))
        self._asked = threading.Event()
        self._connected_since = time.monotonic()
        self._caught_up = False
        self._upkeep_at = 0.0
        self._swept = ""
        self._take_out_at = 0.0
        self._queues_at = 0.0
        self._gatekeeper = Gatekeeper(registry, self._pauses)
        self._doors_due = False
        self._forgotten_at = 0.0
        self._floors_at = 0.0
        self._turned_at = time.monotonic()
        self.metrics = metrics
        self.leads = False

    @property
    def turn_age(self) -> float:
        """Seconds since the loop turned; it turns while a store is away, too."""
        return time.monotonic() - max(self._turned_at, self._intake.went_on_at)

    @property
    def stuck_for(self) -> float:
        """Seconds since it handled an entry of the bus, found none, or saw that another leads."""
        return time.monotonic() - self._intake.went_on_at

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._asked.is_set()

    def ask_to_stop(self) -> None:
        """Make `run` return soon; from any thread or a signal handler."""
        self._asked.set()

    def run(self) -> None:
        """Lead whenever nobody else does, until asked to stop. Nothing that fails in it ends it."""
        while not self._asked.is_set():
            self._turned_at = time.monotonic()
            try:
                if self._leadership.acquire(self._database.connection()):
                    self._lead()
                else:
                    self._intake.went_on_at = time.monotonic()
                    self._asked.wait(STANDBY_SECONDS)
            except NotLeader:
                log.warning("another dispatcher has taken over; standing by")
            except Exception as error:
                self._put_up_with(error)
            finally:
                self.leads = False
        self._release()

    def _lead(self) -> None:
        holder, known = self._leadership.holder, len(self._registry)
        log.info("dispatcher %s leads, %d functions", holder, known)
        functions.register(self._database.connection(), self._registry)
        with self._leading() as connection:
            schedules.register(connection, [(each.id, cron) for each in self._registry for cron in each.schedules])
            wait_paths.register(connection, self._registry.awaited)
        self._former.lead(former_streams.names(self._database.connection()))
        with self._leading() as connection:
            turns.find_floors(connection)
        self._gatekeeper.lead()
        self._intake.pending_first = True
        self._connected_since = time.monotonic()
        self.leads = True
        while not self._asked.is_set():
            self._turned_at = time.monotonic()
            self._leadership.renew(self._database.connection())
            self._keep_up()
            try:
                self._caught_up = self._take_in()
            except ResponseError as error:
                if "NOGROUP" in str(error):
                    self._recover_redis()
                elif redis_why_away(error):
                    self._redis_away(error)
                else:
                    raise
            except (RedisError, OSError) as error:
                self._redis_away(error)

    def _keep_up(self) -> None:
        """See what is due, and do it, each duty for itself: one that fails keeps no other."""
        if time.monotonic() < self._upkeep_at:
            return
        self._upkeep_at = time.monotonic() + UPKEEP_SECONDS
        connection = self._database.connection()
        with self._duty("look"):
            due = upkeep.due(connection, forgotten_after=FORGOTTEN_SECONDS, relay_after=RELAY_SECONDS)
            self._broker.muted = due.drained
            self._intake.awaited = due.awaited
            self._pauses.learn(due.paused)
            self._do(connection, due)

    def _do(self, connection: psycopg.Connection[Any], due: upkeep.Due) -> None:
        leading = time.monotonic() - self._connected_since
        unsent = due.unsent or due.reclaim or due.overdue  # both leave runs that are to be hinted now
        duties: list[tuple[str, bool, Callable[[], None]]] = [
            ("overdue", due.overdue, lambda: self._tell(upkeep.overdue(connection))),
            ("late", due.late, lambda: self._cancel_late(connection)),
            ("sweep", due.sweep, self._sweep),
            ("cancel paused", due.cancel_paused, self._cancel_paused),
            ("cascade", due.cascade, self._cascade),
            ("outlived", due.outlived, lambda: self._tell(upkeep.outlived(connection))),
            ("look", due.look, self._look),
            ("tell", due.tell, self._tell_untold),
            ("reclaim", due.reclaim and leading >= self._settings.lease_seconds, self._reclaim),
            ("subject doors", due.subject_doors, lambda: self._open_subject_doors(connection)),
            ("rows", due.rows, lambda: self._write_rows(connection)),
            ("tick", due.tick, self._tick),
            ("wake", True, lambda: self._hint(self._enter_lines(due.wake or due.look, False))),
            ("gate", due.doors, self._open_doors),
            ("queues", self._gatekeeper.minds_queues and time.monotonic() >= self._queues_at, self._look_at_queues),
            ("reconcile", self._gatekeeper.wants_to_reconcile, self._reconcile),
            ("pauses", bool(self._pauses) and time.monotonic() >= self._take_out_at, self._take_out_paused),
            ("unsent", unsent, lambda: self._hint(self._enter_lines(False, True))),
            ("recover", True, self._recover_where_redis_is_new),
            ("relay", due.relay, lambda: self._relay(connection)),
            ("forgotten", due.forgotten, lambda: self._hint_forgotten(connection)),
        ]
        redis_away = None
        for name, wanted, act in duties:
            if wanted:
                try:
                    with self._duty(name):
                        act()
                except (RedisError, OSError) as error:
                    redis_away = error
        if redis_away is not None:
            self._redis_away(redis_away)

    @contextmanager
    def _duty(self, name: str) -> Iterator[None]:
        """What fails in it, but for a store or the leadership, is told and counted, and stops nothing else."""
        try:
            yield
        except Exception as error:
            if is_too_much(error):
                log.warning("duty %s is left for later: %s (%s)", name, why_away(error), first_line(error))
            elif is_nobodys_fault(error):
                raise
            else:
                log.exception("duty %s failed", name)
            self.metrics.failed(name)

    def _tick(self) -> None:
        with self._leading() as connection:
            ticked = tick(connection, self._registry)
        self.metrics.missed_ticks(ticked.missed)
        for effects in ticked.effects:
            self._signal(effects)

    def _write_rows(self, connection: psycopg.Connection[Any]) -> None:
        """Write the rows that are owed, and go on at once while that succeeds."""
        if rows_owed.write(connection) >= rows_owed.AT_ONCE:
            self._upkeep_at = 0.0

    def _open_subject_doors(self, connection: psycopg.Connection[Any]) -> None:
        """Let runs go whose subject's former run has stopped."""
        if subjects.open_doors(connection):
            self._hint(self._enter_lines(False, True))

    def _reclaim(self) -> None:
        self._tell(upkeep.reclaim(self._database.connection(), self._settings.lost_worker_limit))

    def _hint(self, hints: Sequence[upkeep.Hint]) -> None:
        if len(hints) >= upkeep.CHUNK:
            self._upkeep_at = 0.0
        self._broker.hint(hints)

    def _recover_where_redis_is_new(self) -> None:
        if self._redis.get(flags.EPOCH) is None:
            self._recover_redis()

    def _enter_lines(self, wake: bool, unsent: bool) -> list[upkeep.Hint]:
        """Let runs stand in their lines that don't yet, and the lines' floors follow now and then."""
        if not (wake or unsent) and time.monotonic() < self._floors_at:
            return []
        with self._leading() as connection:
            turns.raise_floors(connection)
            self._floors_at = time.monotonic() + FLOORS_SECONDS
            hints = upkeep.wake(connection) if wake else []
            return hints + (upkeep.unsent(connection) if unsent else [])

    def _open_doors(self) -> None:
        """Let in who can go, for a part of the time: what comes in goes on between."""
        self._doors_due, until = False, time.monotonic() + UPKEEP_SECONDS / 2
        more = True
        while more and time.monotonic() < until:
            with self._leading() as connection:
                hints, more = self._gatekeeper.open(connection)
            self._broker.hint(hints)
        if more:
            self._upkeep_at = 0.0

    def _look_at_queues(self) -> None:
        """Let runs in to queues that have a door, as many as their workers can take."""
        with self._leading() as connection:
            self._gatekeeper.look_at_queues(connection)
        self._queues_at = time.monotonic() + QUEUES_SECONDS
        self._open_doors()

    def _take_out_paused(self) -> None:
        """Take runs out of lines whose function or queue is paused."""
        with self._leading() as connection:
            more = self._pauses.take_out(connection)
        self._take_out_at = 0.0 if more else time.monotonic() + TAKE_OUT_SECONDS

    def _reconcile(self) -> None:
        with self._leading() as connection:
            self._gatekeeper.reconcile(connection)

    @contextmanager
    def _leading(self) -> Iterator[Connection]:
        """A transaction in which nobody else leads."""
        connection = self._database.connection()
        with connection.transaction():
            self._leadership.hold(connection)
            yield connection

    def _hint_forgotten(self, connection: psycopg.Connection[Any]) -> None:
        """Hint again what lies in queues without a hint. It may take a look at every queued run: among a million that
        is a third of a second, so it gets a twentieth of the time.
        """
        began = time.monotonic()
        if began < self._forgotten_at:
            return
        if idle := self._broker.idle(self._queues()):
            self._broker.hint(upkeep.forgotten(connection, FORGOTTEN_SECONDS, idle))
        now = time.monotonic()
        self._forgotten_at = now + 19 * (now - began)

    def _take_in(self) -> bool:
        """Handle batches until the bus is read to its end, which it returns, or until upkeep is due."""
        rest = self._former.take_in(time.monotonic() + UPKEEP_SECONDS / 4)
        self._intake.handle_put_off()
        while self._intake.step(block_ms=self._patience()):
            if self._doors_due or self._intake.freed:
                self._intake.freed = False
                with self._duty("gate"):
                    self._open_doors()
            if time.monotonic() >= self._upkeep_at:
                return False
        return rest

    def _relay(self, connection: psycopg.Connection[Any]) -> None:
        """Publish what lies open in the outbox. While the bus isn't read to its end it is probably there, and waits:
        publishing it again and again would make the backlog longer.
        """
        older_than = RELAY_SECONDS if self._caught_up else RELAY_BEHIND_SECONDS
        seqs = inbox.claim_open(connection, older_than=older_than, limit=RELAY_CHUNK)
        for start in range(0, len(seqs), RELAYED_AT_ONCE):
            self._publish_open(connection, seqs[start : start + RELAYED_AT_ONCE])

    def _publish_open(self, connection: psycopg.Connection[Any], seqs: Sequence[int]) -> None:
        commands: list[Command] = []
        halving(
            seqs,
            lambda some: commands.extend(bus.publishing(inbox.read_open(connection, some))),
            lambda seq, error: self._bury_open(connection, seq, error),
        )
        bus.send(self._redis, commands)

    def _bury_open(self, connection: psycopg.Connection[Any], seq: int, error: Exception) -> None:
        """An event of the outbox that can't be published is kept with the reason, and its row closed."""
        log.error("event %d of the outbox can't be published and is dead", seq, exc_info=error)
        self.metrics.failed("relay")
        dead_events.bury_open(connection, seq, f"it can't be published: {type(error).__name__}: {first_line(error)}")

    def _patience(self) -> int:
        """For how many milliseconds a read may block: no longer than until the next upkeep is due."""
        return min(BLOCK_MS, max(1, int((self._upkeep_at - time.monotonic()) * 1000)))

    def _sweep(self) -> None:
        """Apply open wide cancels chunk by chunk, for as long as one upkeep may take; the rest waits for the next."""
        until = time.monotonic() + UPKEEP_SECONDS
        while time.monotonic() < until:
            connection = self._database.connection()
            after, self._swept = self._swept, wide.next_tenant(connection, after=self._swept)  # also where it fails
            with connection.transaction():
                self._leadership.hold(connection)
                swept = wide.sweep(connection, after=after)
            if swept is None:
                return
            self._upkeep_at = 0.0
            self.metrics.failed_evaluations(swept.failed)
            flags.raise_flags(self._redis, {run_flag(id): seq for id, seq in swept.cancelling.items()})
            self._tell(swept.settled)

    def _cancel_late(self, connection: psycopg.Connection[Any]) -> None:
        """Time-outs of runs: of as many at a time as one upkeep may take."""
        cancelling, settled = upkeep.late(connection)
        if len(cancelling) + len(settled) >= upkeep.CHUNK:
            self._upkeep_at = 0.0
        flags.raise_flags(self._redis, dict.fromkeys(map(run_flag, cancelling), NO_SEQ))
        self._tell(settled)

    def _cancel_paused(self) -> None:
        """What has started and is paused is cancelled where the pause says so, some at a time."""
        with self._leading() as connection:
            marked, more = pauses.cancel_started(connection)
        if more:
            self._upkeep_at = 0.0
        flags.raise_flags(self._redis, dict.fromkeys(map(run_flag, marked.cancelling), NO_SEQ))
        self._tell(marked.settled)

    def _cascade(self) -> None:
        """Cancel the children of what was cancelled, level by level, for as long as one upkeep may take."""
        until, more = time.monotonic() + UPKEEP_SECONDS, True
        while more and time.monotonic() < until:
            with self._leading() as connection:
                cancelling, settled, more = cascades.cascade(connection)
            flags.raise_flags(self._redis, dict.fromkeys(map(run_flag, cancelling), NO_SEQ))
            self._tell(settled)
        if more:
            self._upkeep_at = 0.0

    def _look(self) -> None:
        """Look once for what runs that wait now want, and from now on in each batch."""
        self._intake.awaited, more = True, True
        until = time.monotonic() + UPKEEP_SECONDS / 2
        while more and time.monotonic() < until:
            with self._leading() as connection:
                more, _ = arrivals.look(connection)

    def _tell_untold(self) -> None:
        """Make the events of runs that were swept, for a part of the time: what comes in goes first."""
        until = time.monotonic() + UPKEEP_SECONDS / 4
        while time.monotonic() < until and (settled := tell(self._database.connection())):
            self._tell(settled)

    def _signal(self, effects: Effects) -> None:
        """Tell Redis what a committed batch means. What can't be told is seen by heartbeats and upkeep all the same."""
        if effects.woken or effects.cascades:
            self._upkeep_at = 0.0
        self.metrics.failed_evaluations(effects.failed_evaluations)
        with self._duty("signal"):
            flags.raise_flags(self._redis, effects.flags)
        with self._duty("signal"):
            self._broker.hint(effects.started)
        with self._duty("signal"):
            self._tell(effects.settled)
        self._doors_due = self._doors_due or effects.at_doors

    def _tell(self, settled: Sequence[Settled]) -> None:
        bus.publish(self._redis, [each.event for each in settled if each.event])
        announce(self._redis, [(each.run_id, each.report_id) for each in settled])
        self.metrics.runs.count(settled)
        if any(each.cleanup for each in settled):
            self._upkeep_at = 0.0

    def _recover_redis(self) -> None:
        """Redis is new or empty: make the group, raise the flags again, hint every queued run; then say it is whole."""
        self._intake.create_group()
        self._intake.pending_first = True
        log.warning("redis has no state of ours: making it anew from Postgres")
        connection = self._database.connection()
        raised = list(functions.flags_to_raise(connection).items())
        for start in range(0, len(raised), FLAGS_AT_ONCE):
            flags.raise_flags(self._redis, dict(raised[start : start + FLAGS_AT_ONCE]))
        for hints in upkeep.all_queued(connection):
            self._broker.hint(hints)
        self._redis.set(flags.EPOCH, uuid.uuid4().hex)

    def _queues(self) -> list[str]:
        return [name + suffix for name in self._registry.queues() for suffix in ("", URGENT, ALONE)]

    def _redis_away(self, error: Exception) -> None:
        log.warning("redis away: %s (%s)", redis_why_away(error) or type(error).__name__, redis_answer(error))
        self._intake.pending_first = True
        self._asked.wait(random.uniform(0.2, 1.0))

    def _put_up_with(self, error: Exception) -> None:
        """Say what it is, wait a little, and go on: what doesn't pass is for people to mend, and costs no order."""
        if why := why_away(error):
            log.warning("postgres away: %s (%s)", why, first_line(error))
            self._database.drop()
        elif is_misfit(error):
            log.error("postgres isn't as this release needs it: %s", first_line(error))
            self.metrics.failed("postgres")
            self._database.drop()
        elif redis_why_away(error):
            self._redis_away(error)
            return
        else:
            log.exception("the dispatcher's loop failed")
            self.metrics.failed("loop")
        self._intake.pending_first = True
        self._asked.wait(random.uniform(0.2, 1.0))

    def _release(self) -> None:
        try:
            self._leadership.release(self._database.connection())
        except psycopg.Error as error:
            log.warning("the dispatcher's lease was not released: %s", error)
        self._database.close()
