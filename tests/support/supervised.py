"""A worker's supervisor in the test's process, on real stores; the test plays the lanes that it talks to.

A lane is a process that only sleeps, so that it can be signalled and killed; what its code would say, the test says.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from redis import Redis

from andon import CancelOn, Event, Function, function
from andon.adapters.postgres.access.room import Room
from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.database import Database
from andon.adapters.postgres.registered import functions
from andon.adapters.postgres.runs import leases
from andon.adapters.postgres.runs.leases import Claimed
from andon.adapters.postgres.workers import Present
from andon.adapters.redis.flags import EPOCH, FlagReader
from andon.engine.declared.functions import Registry
from andon.engine.ids import new_id
from andon_worker.dispatcher.batches.batch import record_batch
from andon_worker.lane.progress import SharedProgress
from andon_worker.metrics import RunMetrics, new_registry
from andon_worker.supervisor.courier import Courier
from andon_worker.supervisor.endings import Endings
from andon_worker.supervisor.executing import Executing
from andon_worker.supervisor.heartbeat import Heartbeat
from andon_worker.supervisor.hosting.hosts import Hosts, Run
from andon_worker.supervisor.hosting.lanes import Lanes
from andon_worker.supervisor.hosting.loop import Loop
from andon_worker.supervisor.ledger import Ledger
from andon_worker.supervisor.output.logbook import Logbook
from andon_worker.supervisor.signals.hooks import Hooks
from andon_worker.wire import Header, receive, send
from tests.support.polling import PATIENCE, wait_until

LEASE = 60.0
WORKER = "w"


def _work(event: Event, step: Any) -> None:
    """The test says what it does."""


def declared(id: str, **said: Any) -> Function:
    """A function that the test plays."""
    made: Function = function(
        id=id, trigger=f"{id}/asked", cancel_on=[CancelOn("work/stop", match="data.case")], **said
    )(_work)
    return made


class PlayedLane:
    """The lane's side of the conversation."""

    def __init__(self, number: int, descriptors: Sequence[int]) -> None:
        talk, orders, page, self._out, self._err = (os.dup(each) for each in descriptors)
        self.number = number
        self.talk = socket.socket(fileno=talk)
        self.talk.settimeout(10)
        self.orders = socket.socket(fileno=orders)
        self.orders.settimeout(10)
        self.progress = SharedProgress(page)
        self.process = subprocess.Popen(["sleep", "600"])
        self.run: Header = {}
        self.begun = 0

    def hear(self) -> Header:
        """The next frame."""
        frame = receive(self.talk)
        assert frame is not None
        return frame[0]

    def say(self, say: str, body: bytes = b"", **said: Any) -> None:
        """Say something."""
        send(self.talk, {"say": say, **said}, body)

    def ask(self, say: str, body: bytes = b"", **said: Any) -> Header:
        """Say it, and hear the answer."""
        self.say(say, body, **said)
        return self.hear()

    def begin(self, name: str = "s", **said: Any) -> dict[str, Any]:
        """Begin a step, aloud; returns what is said of it from then on."""
        self.begun += 1
        attempt: dict[str, Any] = {"attempt": {"name": name, "position": 0, **said}, "begun": self.begun}
        self.say("begin", **attempt)
        return attempt

    def keep(self, output: str, name: str = "s") -> Header:
        """A step's result; returns the answer."""
        return self.ask("complete", output.encode(), **self.begin(name), seconds=0.1, files=[])

    def end(self, how: str, body: str = "", **said: Any) -> None:
        """The run's code has ended."""
        ended = {"say": "end", "as": how, "left": None, "litter": None}
        send(self.talk, {**ended, **said}, body.encode())

    def print(self, text: str) -> None:
        """Print a line."""
        os.write(self._out, text.encode())

    def ordered(self) -> dict[str, Any]:
        """The next order to stop."""
        return dict(json.loads(self.orders.recv(65536)))

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        self.talk.close()
        self.orders.close()
        self.progress.close()
        os.close(self._out)
        os.close(self._err)


class PlayedNursery:
    """Bears lanes whose part the test plays, and tells of their ends."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.replaces = False
        self.lanes: Lanes | None = None
        self.born: list[PlayedLane] = []

    def bear(self, lane: int, descriptors: list[int]) -> None:
        played = PlayedLane(lane, descriptors)
        self.born.append(played)
        pid = played.process.pid
        descriptor = os.pidfd_open(pid)
        self._loop.post(lambda: self._lanes.born(lane, pid, descriptor))
        threading.Thread(target=self._await, args=[played], daemon=True).start()

    def signal(self, pid: int, number: int) -> None:
        """Who has ended is told of all the same."""

    def hangs(self) -> None:
        """It never does."""
        raise AssertionError

    @property
    def _lanes(self) -> Lanes:
        assert self.lanes is not None
        return self.lanes

    def _await(self, lane: PlayedLane) -> None:
        code = lane.process.wait()
        status = -code if code < 0 else code << 8  # as `waitpid` has it
        self._loop.post(lambda: self._lanes.gone(lane.process.pid, status))


class Supervised:
    """The supervisor's parts, wired as `bootstrap` does."""

    def __init__(self, database_url: str, redis_url: str, folder: Path, *known: Function) -> None:
        self._stack = ExitStack()
        self.db: Connection = self._stack.enter_context(connect(database_url, name="test"))
        self.redis = self._stack.enter_context(Redis.from_url(redis_url))
        self.redis.set(EPOCH, "e")
        self.registry = Registry(known or [declared("work"), declared("other")])
        functions.register(self.db, self.registry)
        self._databases = [Database(database_url, name="worker") for _ in range(5)]
        self.loop, self.hosts = Loop(), Hosts()
        ledger = partial(Ledger, worker=WORKER, lease=LEASE, functions=list, hosted=list)
        large = ledger(self._databases[4], name="large")
        results = ledger(self._databases[0], name="results", large=large)
        moves = ledger(self._databases[1], name="moves", large=large)
        self.courier = Courier(self.redis, FlagReader(self.redis), RunMetrics(new_registry()))
        logbook = Logbook(self._databases[2])
        self.nursery = PlayedNursery(self.loop)
        self.lanes = Lanes(
            self.loop,
            spares=0,
            idle=2,
            watch=lambda lane: self.executing.watch(lane),
            unwatch=lambda lane: self.executing.unwatch(lane),
            ended=lambda lane, status: self.executing.lane_ended(lane, status),
        )
        self.nursery.lanes = self.lanes
        hooks = Hooks([])
        self.room = Room(0)
        self.endings = Endings(self.loop, moves, self.courier, self.hosts, hooks, folder)
        self.executing = Executing(
            self.loop,
            self.lanes,
            results,
            self.courier,
            logbook,
            self.hosts,
            hooks,
            self.endings,
            results_limit=1 << 20,
            cleanup_seconds=0.2,
            room=self.room,
        )
        self.heartbeat = Heartbeat(
            self._databases[3],
            self.hosts,
            interval=3600.0,
            lease=LEASE,
            changed=lambda runs: None,
            stop=lambda run, cause: self.loop.post(lambda: self.executing.stop(run, cause)),
            present=lambda: Present(WORKER, 1, 0, "0", "r", (), 1),
        )
        closed = results, moves, large, self.courier, logbook
        self._threads = [*closed, threading.Thread(target=self.loop.run, daemon=True)]
        self._closing: list[Callable[[], object]] = [each.close for each in closed]
        for each in self._threads:
            each.start()
        self.loop.post(lambda: self.lanes.opened(self.nursery))
        self.done: list[uuid.UUID] = []

    def claim(self, function_id: str = "work", **data: Any) -> Claimed:
        """A run that this worker has claimed."""
        event = Event(f"{function_id}/asked", {"case": "a", **data}, id=str(new_id()))
        with self.db.transaction():
            [(run_id, _)] = record_batch(self.db, self.registry, [event], [None]).started
        claimed = leases.claim_each(self.db, [leases.Hint(run_id)], worker=WORKER, lease=LEASE)[0]
        assert claimed is not None
        return claimed

    def start(self, claimed: Claimed) -> PlayedLane:
        """Execute it; returns its lane, which has heard what to do."""
        born = len(self.nursery.born)
        run = self.host(claimed)
        lane = wait_until(lambda: run.lane, what="the run has a lane")
        played = next(each for each in self.nursery.born if each.number == lane.number)
        played.run, played.begun = played.hear(), 0
        assert len(self.nursery.born) >= born
        return played

    def host(self, claimed: Claimed) -> Run:
        """Execute it, and leave it to others when it has a lane."""
        known = self.registry.get(claimed.function_id)
        assert known is not None
        self.loop.post(lambda: self.executing.start(claimed, known, lambda: self.done.append(claimed.id)))
        return wait_until(lambda: self.hosts.get(claimed.id), what="the run is hosted")

    def begin(self, **said: Any) -> tuple[Run, PlayedLane]:
        """A run that has just begun, and its lane."""
        claimed = self.claim(**said)
        lane = self.start(claimed)
        run = self.hosts.get(claimed.id)
        assert run is not None
        return run, lane

    def stop(self, call: Callable[[], object]) -> None:
        """Do this in the loop's thread, and wait until it is done."""
        done = threading.Event()
        self.loop.post(call)
        self.loop.post(done.set)
        assert done.wait(PATIENCE)

    def row(self, run: Run, *columns: str) -> tuple[Any, ...]:
        """These columns of the run."""
        found = self.db.execute(f"SELECT {', '.join(columns)} FROM andon.runs WHERE id = %s".encode(), [run.id])
        row = found.fetchone()
        assert row is not None
        return row

    def wait_for(self, run: Run, status: str) -> None:
        """Wait until the run has this status, and isn't hosted any more."""
        wait_until(lambda: self.row(run, "status") == (status,), what=f"the run is {status}")
        wait_until(lambda: run.id in self.done, what="the run is done with")
        assert self.hosts.get(run.id) is None

    def close(self) -> None:
        """End all of it."""
        for each in self.nursery.born:
            each.close()
        for close in self._closing:
            close()
        self.loop.close()
        for thread in self._threads:
            thread.join(10)
        if self.heartbeat.is_alive():
            self.heartbeat.close()
            self.heartbeat.join(10)
        for database in self._databases:
            database.close()
        self._stack.close()
