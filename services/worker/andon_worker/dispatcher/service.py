"""The dispatcher's loop: lead or stand by, take in, do what is due. One thread, so that order is plain."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psycopg
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from andon.adapters.postgres.away import first_line, is_misfit, why_away
from andon.adapters.postgres.doors import turns
from andon.adapters.postgres.doors.pauses import Pauses
from andon.adapters.postgres.duties import look
from andon.adapters.postgres.events import wait_paths
from andon.adapters.postgres.leadership import NotLeader
from andon.adapters.postgres.registered import functions, schedules
from andon.adapters.redis import flags
from andon.adapters.redis.away import answer as redis_answer
from andon.adapters.redis.away import why_away as redis_why_away
from andon.adapters.redis.live import announcing
from andon.adapters.redis.sending import send
from andon_worker.dispatcher.batches.batch import Effects
from andon_worker.dispatcher.duties.cancels import CancelPaused, Cascade, Sweep
from andon_worker.dispatcher.duties.deadlines import Late, Overdue
from andon_worker.dispatcher.duties.doors import LookAtQueues, OpenDoors, Reconcile, TakeOutPaused
from andon_worker.dispatcher.duties.duty import Duty
from andon_worker.dispatcher.duties.ending import EndOutlived, Reclaim
from andon_worker.dispatcher.duties.hints import LOST_SECONDS, HintAgain, Unsent, Wake
from andon_worker.dispatcher.duties.new_redis import Recover
from andon_worker.dispatcher.duties.subjects import OpenSubjectDoors, WriteRows
from andon_worker.dispatcher.duties.ticking import Tick
from andon_worker.dispatcher.duties.unpublished import RELAY_SECONDS, MakeEnds, Overtake, Relay
from andon_worker.dispatcher.duties.waits import LookForArrivals
from andon_worker.dispatcher.gatekeeper import Gatekeeper
from andon_worker.dispatcher.halving import is_nobodys_fault, is_too_much
from andon_worker.dispatcher.intake import Intake
from andon_worker.dispatcher.leader import LOOK_SECONDS, TURN_SECONDS, Leader
from andon_worker.dispatcher.narrating import narrate

if TYPE_CHECKING:
    from andon.adapters.tracing.spans import Tracing

log = logging.getLogger(__name__)
BLOCK_MS = 200
STANDBY_SECONDS = 0.5


class DispatcherService:
    """Runs until asked to stop. While either store is away it waits; nothing is acknowledged without a commit.

    With `narrates` its log tells of events that start no run.
    """

    def __init__(
        self, leader: Leader, blocking: Redis, tracing: Tracing | None = None, *, narrates: bool = False
    ) -> None:
        self._leader = leader
        self._narrates = narrates
        self._asked = threading.Event()
        self._turned_at = time.monotonic()
        self.metrics = leader.metrics
        self.leads = False
        self._pauses = Pauses()
        self._gatekeeper = Gatekeeper(leader.registry, self._pauses)
        self._intake = Intake(leader, blocking, self._signal, tracing, pauses=self._pauses)
        self._doors = OpenDoors(leader, self._gatekeeper)
        self._recover = Recover(leader, self._intake)
        self._duties: list[Duty] = [  # each has its turn in this order: what one queues, a later one hints
            Overdue(leader),
            Late(leader),
            Sweep(leader),
            CancelPaused(leader),
            Cascade(leader),
            EndOutlived(leader),
            LookForArrivals(leader),
            MakeEnds(leader),
            Reclaim(leader),
            OpenSubjectDoors(leader),
            WriteRows(leader),
            Tick(leader, self._signal),
            Wake(leader),
            self._doors,
            LookAtQueues(leader, self._gatekeeper),
            Reconcile(leader, self._gatekeeper),
            TakeOutPaused(leader, self._pauses),
            Unsent(leader),
            self._recover,
            Relay(leader, self._intake),
            Overtake(leader, self._intake),
            HintAgain(leader),
        ]

    @property
    def turn_age(self) -> float:
        """Seconds since the loop turned; it turns while a store is away, too."""
        return time.monotonic() - max(self._turned_at, self._intake.went_on_at)

    @property
    def stuck_for(self) -> float:
        """Seconds since it handled an entry of the bus, found none, or saw that another leads."""
        return self._intake.idle_for

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
                if self._leader.leadership.acquire(self._leader.connection()):
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
        log.info("dispatcher %s leads, %d functions", self._leader.leadership.holder, len(self._leader.registry))
        functions.register(self._leader.connection(), self._leader.registry)
        with self._leader.transaction() as connection:
            known = [(each.id, cron) for each in self._leader.registry for cron in each.schedules]
            schedules.register(connection, known)
            wait_paths.register(connection, self._leader.registry.awaited)
        with self._leader.transaction() as connection:
            turns.find_floors(connection)
        self._gatekeeper.lead()
        self._intake.pending_first = True
        self._leader.since = time.monotonic()
        self.leads = True
        while not self._asked.is_set():
            self._turned_at = time.monotonic()
            self._leader.leadership.renew(self._leader.connection())
            self._keep_up()
            try:
                self._take_in()
            except ResponseError as error:
                if "NOGROUP" in str(error):
                    self._recover.make_anew()
                elif redis_why_away(error):
                    self._redis_away(error)
                else:
                    raise
            except (RedisError, OSError) as error:
                self._redis_away(error)

    def _keep_up(self) -> None:
        """See what is due, and do it, each duty for itself: one that fails keeps no other."""
        if time.monotonic() < self._leader.look_at:
            return
        self._leader.look_at = time.monotonic() + LOOK_SECONDS
        with self._minding("look"):
            due = look.due(self._leader.connection(), lost_after=LOST_SECONDS, relay_after=RELAY_SECONDS)
            self._leader.broker.muted = due.drained
            self._intake.awaited = due.awaited
            self._pauses.learn(due.paused)
            self._do([each for each in self._duties if each.is_due(due)])

    def _do(self, duties: Sequence[Duty]) -> None:
        redis_away = None
        for duty in duties:
            self._leader.leadership.renew(self._leader.connection())
            try:
                with self._minding(duty.name):
                    duty.act()
                with self._minding("intake"):
                    self._take_in_between()
            except (RedisError, OSError) as error:
                redis_away = error
        if redis_away is not None:
            self._redis_away(redis_away)

    def _take_in_between(self) -> None:
        """After a duty that took its time, handle what has come in: somebody may wait for a cancel.

        What was left by a failure, and a bus that has no group, are for the loop.
        """
        if self._intake.idle_for >= TURN_SECONDS and not self._intake.pending_first:
            with suppress(ResponseError):
                self._intake.step(block_ms=0)

    @contextmanager
    def _minding(self, name: str) -> Iterator[None]:
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

    def _take_in(self) -> None:
        """Handle batches until the bus is read to its end, or until it is time to look."""
        self._intake.handle_put_off()
        while self._intake.step(block_ms=self._patience()):
            if self._doors.wanted or self._intake.freed:
                self._intake.freed = False
                with self._minding("gate"):
                    self._doors.act()
            if time.monotonic() >= self._leader.look_at:
                return

    def _patience(self) -> int:
        """For how many milliseconds a read may block: no longer than until it is time to look."""
        return min(BLOCK_MS, max(1, int((self._leader.look_at - time.monotonic()) * 1000)))

    def _signal(self, effects: Effects) -> None:
        """Tell Redis what a committed batch means. What can't be told is seen by heartbeats and duties all the same."""
        if effects.woken or effects.cascades:
            self._leader.look_again()
        self.metrics.failed_evaluations(effects.failed_evaluations)
        with self._minding("signal"):
            flags.raise_flags(self._leader.redis, effects.flags)
        with self._minding("signal"):
            self._leader.broker.hint(effects.started)
        with self._minding("signal"):
            self._leader.publish(effects.settled)
        with self._minding("signal"):
            send(self._leader.redis, announcing(subjects=effects.subjects))
        self._doors.wanted |= effects.at_doors
        if self._narrates:
            narrate(effects.passed)

    def _redis_away(self, error: Exception) -> None:
        log.warning("redis away: %s (%s)", redis_why_away(error) or type(error).__name__, redis_answer(error))
        self._intake.pending_first = True
        self._asked.wait(random.uniform(0.2, 1.0))

    def _put_up_with(self, error: Exception) -> None:
        """Say what it is, wait a little, and go on: what doesn't pass is for people to mend, and costs no order."""
        if why := why_away(error):
            log.warning("postgres away: %s (%s)", why, first_line(error))
            self._leader.database.drop()
        elif is_misfit(error):
            log.error("postgres isn't as this release needs it: %s", first_line(error))
            self.metrics.failed("postgres")
            self._leader.database.drop()
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
            self._leader.leadership.release(self._leader.connection())
        except psycopg.Error as error:
            log.warning("the dispatcher's lease was not released: %s", error)
        self._leader.database.close()
