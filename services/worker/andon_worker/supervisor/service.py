"""A worker process: Dramatiq's threads take hints, a loop talks to lanes, a few threads talk to the stores."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import dramatiq
from dramatiq import Worker

from andon.adapters.postgres.database import Database
from andon.adapters.postgres.runs import leases
from andon.adapters.postgres.runs.journal import Standing
from andon.adapters.postgres.runs.leases import Claimed, Hint
from andon.adapters.postgres.workers import Present
from andon.adapters.redis import flags
from andon.adapters.redis.connect import connect_blocking
from andon.engine.declared.declarations import Declaration
from andon.engine.dispatch.lines import ALONE, lines_of
from andon.scratch import remove
from andon.settings import Settings
from andon_worker.broker import ACTOR, ALONE_ACTOR, HintBroker
from andon_worker.nursery.starting import Loading
from andon_worker.supervisor.courier import Courier
from andon_worker.supervisor.executing import Executing
from andon_worker.supervisor.heartbeat import Heartbeat
from andon_worker.supervisor.hosting.hosts import Hosts, Run
from andon_worker.supervisor.hosting.lanes import Lanes
from andon_worker.supervisor.hosting.loop import Loop
from andon_worker.supervisor.hosting.nurseries import NurseryClient
from andon_worker.supervisor.ledger import Claim, Ledger, Refused, Unheld
from andon_worker.supervisor.memory_limits import MemoryWatch
from andon_worker.supervisor.output.logbook import Logbook

log = logging.getLogger(__name__)
VERSION = version("andon")
IDLE_MILLISECONDS = 1000
JOIN_MILLISECONDS = 50
"""Nothing is executed any more when Dramatiq's threads are told to end. An idle one sleeps up to `IDLE_MILLISECONDS`:
that isn't waited for, since hints that a thread has taken and not followed are given back all the same."""


@dataclass(eq=False)
class WorkerService:
    """Start it, and run its loop in the main thread until it is asked to stop; runs that don't end in time are handed
    over.
    """

    settings: Settings
    loop: Loop
    hosts: Hosts
    lanes: Lanes
    results: Ledger
    moves: Ledger
    large: Ledger
    courier: Courier
    logbook: Logbook
    executing: Executing
    memory: MemoryWatch
    databases: Sequence[Database]
    broker: HintBroker
    scratch: Path
    worker_id: str
    mistake: str | None = field(default=None, init=False)
    """Why it can't do what it is told to, if that is so."""

    def __post_init__(self) -> None:
        self._asked = threading.Event()
        self._closing = False
        self._reloading = self._again = False
        self._alone = threading.Lock()
        self._is_alone = False
        self._declared: dict[str, Declaration] = {}
        self._worker: Worker | None = None
        self._nursery = NurseryClient(
            self.loop, self.settings.functions, self.lanes, ready=self._is_ready, ended=self._take_if_possible
        )
        self._heartbeat = Heartbeat(
            self.databases[0],
            self.hosts,
            interval=self.settings.heartbeat_seconds,
            lease=self.settings.lease_seconds,
            changed=self._announce,
            stop=lambda run, cause: self.loop.post(lambda: self.executing.stop(run, cause)),
            present=self._present,
        )
        self._watcher = threading.Thread(target=self._watch, daemon=True, name="andon-watcher")

    def _present(self) -> Present:
        return Present(
            self.worker_id,
            lanes=self.settings.lanes,
            busy=len(self.hosts.all()),
            version=VERSION,
            release=self.settings.release,
            queues=sorted(self.settings.queues),
            functions=len(self._declared),
        )

    # --- start and stop ------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Take runs until asked to stop, then hand over what doesn't end in time. In the main thread."""
        for each in self._threads():
            each.start()
        self._nursery.start()
        self.loop.run()
        self._end()

    def _threads(self) -> Sequence[threading.Thread]:
        return self.results, self.moves, self.large, self.courier, self.logbook, self._heartbeat, self._watcher

    def ask_to_stop(self) -> None:
        """Make `run` return when all is handed over; from any thread or a signal handler."""
        if not self._asked.is_set():
            self._asked.set()
            threading.Thread(target=self._stop, daemon=True, name="andon-stop").start()

    def _stop(self) -> None:
        """Take nothing new, let steps reach their boundary or interrupt them, hand the runs back."""
        deadline = time.monotonic() + self.settings.shutdown_seconds
        self._closing = True
        self._take_if_possible()
        self.executing.hand_over(hurry=False)
        if not self.hosts.wait_until_empty(min(self.settings.step_grace_seconds, self.settings.shutdown_seconds)):
            self.executing.hand_over(hurry=True)
            self.hosts.wait_until_empty(max(deadline - time.monotonic(), 0.1))
        for left in self.hosts.all():
            log.error("run %s: its process can't be ended; its lease runs out", left.id, extra={"run": str(left.id)})
        self.loop.close()

    def reload(self) -> None:
        """Import the functions' modules anew: runs go on from their memos, in lanes of a new nursery. From any thread.

        Steps get `step_grace_seconds` to end before they are interrupted. Nothing is claimed meanwhile.
        """
        self._again = self._reloading  # what is being imported may be older
        if not self._asked.is_set() and not self._reloading:
            self._reloading = True
            threading.Thread(target=self._reload, daemon=True, name="andon-reload").start()

    def _reload(self) -> None:
        self._take_if_possible()
        self.executing.hand_over(hurry=False)
        patience = self.settings.step_grace_seconds if self.settings.lanes else None  # somebody may be debugging
        if not self.hosts.wait_until_empty(patience):
            self.executing.hand_over(hurry=True)
            self.hosts.wait_until_empty(self.settings.shutdown_seconds)
        self.loop.post(self._nursery.renew)

    def _end(self) -> None:
        self._nursery.close()
        self._heartbeat.close()
        # The courier's errands end in a ledger, and what is large was given to another before it.
        for each in (self.courier, self.results, self.moves, self.large, self.logbook):
            each.close()
            each.join(timeout=3.0)
        if self._worker is not None:
            self._worker.stop(timeout=JOIN_MILLISECONDS)
        self._heartbeat.join(timeout=1.0)  # its last word is that this worker is gone
        for database in self.databases:
            database.close()
        remove(self.scratch)

    def _is_ready(self, loading: Loading) -> None:
        """The nursery has its functions: take runs of these, and of no others."""
        self._declared = {each.id: each for each in loading.declared}
        self.mistake = self._unknown_queue()
        if self.mistake and not loading.failed:  # it would idle, and the runs would wait
            self.ask_to_stop()
            return
        self.lanes.opened(self._nursery)
        if self._reloading and not self._closing:
            self._reloading = False
            self.executing.taken_over()
            if self._again:
                self.reload()
        self._take_if_possible()
        if self._worker is None and not self._asked.is_set():
            self._worker = self._declare()
            self._worker.start()
        else:
            self._declare_queues()
        log.info("worker %s is ready, with %d functions", self.worker_id, len(self._declared))

    def _take_if_possible(self) -> None:
        """Take hints, unless what came of them would have to wait here while another worker might be free."""
        self.broker.taking = self._nursery.ready and not self._closing and not self._reloading and not self._is_alone

    def _declare(self) -> Worker:
        dramatiq.set_broker(self.broker)
        queues = self._queues()
        dramatiq.actor(actor_name=ACTOR, broker=self.broker, queue_name=queues[0])(self._execute_run)
        dramatiq.actor(actor_name=ALONE_ACTOR, broker=self.broker, queue_name=queues[0] + ALONE)(self._execute_alone)
        self._declare_queues()
        worker = Worker(self.broker, worker_threads=self.settings.at_once, worker_timeout=IDLE_MILLISECONDS)
        worker.queue_prefetch = self.settings.at_once  # more would park runs behind long ones
        return worker

    def _declare_queues(self) -> None:
        for queue in lines_of(self._queues()):
            self.broker.declare_queue(queue)

    def _unknown_queue(self) -> str | None:
        """A queue that it is to serve and that no function has, in a sentence."""
        known = {each.queue for each in self._declared.values()} | {"default"}
        for queue in sorted(set(self.settings.queues) - known):
            return f"ANDON_QUEUES names {queue!r}, and no function has that queue: {', '.join(sorted(known))}"
        return None

    def _queues(self) -> list[str]:
        """The queues that this worker takes runs of: those of `ANDON_QUEUES`, or all that its functions have."""
        known = sorted({each.queue for each in self._declared.values()} | {"default"})
        return sorted(set(self.settings.queues)) or known

    # --- runs ----------------------------------------------------------------------------------------------------

    def _execute_run(self, run_id: str) -> None:
        """Follow a hint, in one of Dramatiq's threads: claim the run whose turn it is, and wait for its end."""
        ended = threading.Lock()
        ended.acquire()
        self._follow(uuid.UUID(run_id), False, ended.release)
        ended.acquire()

    def _execute_alone(self, run_id: str) -> None:
        """A run that lost two workers gets one that takes nothing else: a kernel that ends a container for the memory
        of one run ends all that run in it.

        For a while: others wait for `alone_seconds` at the most until this worker is empty, and as long beside the run.
        Before the next is tried alone, they have had as long.
        """
        ended, patience = threading.Lock(), self.settings.alone_seconds
        ended.acquire()
        with self._alone:
            began, self._is_alone, self.broker.tries_alone = time.monotonic(), True, False
            self._take_if_possible()
            try:
                self.hosts.wait_until_empty(patience)
                log.warning("run %s has lost workers before: it is tried alone", run_id, extra={"run": run_id})
                self._follow(uuid.UUID(run_id), True, ended.release)
                if ended.acquire(timeout=patience):
                    ended.release()
            finally:
                self._is_alone = False
                self._take_if_possible()
                took = time.monotonic() - began
                self.loop.post(lambda: self.loop.after(took, self._try_alone_again))
        ended.acquire()

    def _try_alone_again(self) -> None:
        self.broker.tries_alone = True

    def _follow(self, hinted: uuid.UUID, alone: bool, done: Callable[[], object]) -> None:
        def claimed(answer: Claimed | Standing | Refused | None) -> None:
            if isinstance(answer, Claimed):
                self.loop.post(lambda: self._start(answer, done))
            else:
                done()

        if self._closing or self._reloading:
            self.moves.write(
                Unheld(lambda _: done(), lambda c: leases.offer_again(c, hinted, functions=self.functions, alone=alone))
            )
        else:
            self.moves.write(Claim(claimed, Hint(hinted, alone)))

    def _start(self, claimed: Claimed, done: Callable[[], object]) -> None:
        self.executing.start(claimed, self._declared[claimed.function_id], done)
        self.memory.look()
        if self._closing or self._reloading:
            self.executing.hand_over(hurry=False)

    # --- what is seen from outside -------------------------------------------------------------------------------

    @property
    def functions(self) -> list[str]:
        """The functions that it runs."""
        return [*self._declared]

    @property
    def finish_seconds(self) -> dict[str, float]:
        """How long runs of its functions may take, where that is bounded."""
        timed = ((id, each.timeouts) for id, each in self._declared.items() if each.timeouts)
        return {id: said.finish.total_seconds() for id, said in timed if said.finish}

    @property
    def beat_age(self) -> float:
        """Seconds since a heartbeat succeeded."""
        return time.monotonic() - self._heartbeat.last_beat

    @property
    def turn_age(self) -> float:
        """Seconds since the slower of its loops turned; they turn while the database is away, too."""
        return time.monotonic() - min(self._heartbeat.last_turn, self.loop.turned_at)

    def dead_threads(self) -> str | None:
        """Which of the threads that take runs have ended, in a sentence; None when all is well."""
        if self._asked.is_set():
            return None
        taking = [*self._worker.consumers.values(), *self._worker.workers] if self._worker is not None else []
        threads = [*taking, *self._threads()]
        dead = [thread.name for thread in threads if thread.ident is not None and not thread.is_alive()]
        return f"{len(dead)} of {len(threads)} threads have ended: {', '.join(dead)}" if dead else None

    def not_taking(self) -> str | None:
        """Why it takes no runs, or not those of all its functions; None when it does."""
        if self._asked.is_set():
            return "it is stopping"
        complaints = [*self._nursery.loading.failed.values(), *filter(None, [self.mistake])]
        if complaints:
            return "; ".join(complaints)
        return None if self._nursery.ready else "the functions' modules are being imported"

    def _watch(self) -> None:
        flags.watch(
            connect_blocking(self.settings.redis_url, name="worker-watcher"),
            self.executing.raised,
            self._heartbeat.beat_now,
            self._asked.is_set,
        )

    def _announce(self, changed: Sequence[Run]) -> None:
        for each in changed:
            self.courier.announce(each.id, each.claimed.subject_id)
