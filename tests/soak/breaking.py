"""What breaks, at random, one thing after the other; whatever is broken works again a while later.

It belongs to the main thread: a process that is started ends with the thread that started it.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from andon.embedded import PostgresServer, RedisServer
from andon_worker.linux import children
from tests.faults.proxy import Proxy
from tests.support.process import Process
from tests.support.scene import Scene


@dataclass
class Breaking:
    """Breaks one thing every few seconds; afterwards everything runs."""

    scene: Scene
    redis: RedisServer
    postgres: PostgresServer
    ways: tuple[Proxy, Proxy]
    rng: random.Random
    done: Counter[str] = field(default_factory=Counter)
    ended_alone: list[str] = field(default_factory=list)

    def run(self, seconds: float) -> None:
        """Break things for so long."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            time.sleep(self.rng.uniform(1.5, 5))
            self._tend()
            name, fault = self.rng.choice(self._faults())
            self.done[name] += 1
            fault()
        self._tend()

    def _faults(self) -> list[tuple[str, Callable[[], None]]]:
        faults: list[tuple[str, Callable[[], None]]] = [
            ("redis: FLUSHALL", lambda: self._flush()),
            ("redis: stopped and started", self._restart_redis),
            ("postgres: stopped and started", self._restart_postgres),
            ("network: cut", self._cut),
            ("network: half-open", self._half_open),
        ]
        for worker in self.scene.system.workers:
            faults += [
                ("lane: kill -9", lambda w=worker: self._kill_below(w, depth=2)),  # type: ignore[misc]
                ("nursery: kill -9", lambda w=worker: self._kill_below(w, depth=1)),  # type: ignore[misc]
            ]
        for process in self.scene.system.processes.values():
            kind = process.name.split("-")[0]
            faults += [
                (f"{kind}: kill -9", lambda p=process: self._kill(p)),  # type: ignore[misc]
                (f"{kind}: SIGSTOP for a while", lambda p=process: self._freeze(p)),  # type: ignore[misc]
                (f"{kind}: SIGTERM and started", lambda p=process: self._restart(p)),  # type: ignore[misc]
            ]
        return faults

    def _tend(self) -> None:
        """Start what has ended; that it ended by itself is a finding."""
        for process in self.scene.system.processes.values():
            if not process.running:
                self.ended_alone.append(f"{process.name} ended with {process.exit_code}: {process.output[-500:]}")
                process.start()

    def _pause(self, longest: float) -> None:
        time.sleep(self.rng.uniform(0.1, longest))

    def _kill(self, process: Process) -> None:
        process.kill()
        self._pause(2)
        process.start()

    def _kill_below(self, worker: Process, *, depth: int) -> None:
        """Kill one of the worker's descendants: its nursery, or one of that one's lanes."""
        found = [worker.pid]
        for _ in range(depth):
            found = [child for each in found for child in children(each)]
        if found:
            with suppress(ProcessLookupError):
                os.kill(self.rng.choice(found), signal.SIGKILL)

    def _freeze(self, process: Process) -> None:
        process.pause()
        self._pause(8)
        process.resume()

    def _restart(self, process: Process) -> None:
        young = time.monotonic() - process.started_at < 20
        code = process.stop()
        if code != 0 and not (young and code == -signal.SIGTERM):  # it did not listen yet, and held nothing
            self.ended_alone.append(f"{process.name} answered SIGTERM with {code}")
        process.start()

    def _flush(self) -> None:
        self.scene.redis.flushall()

    def _restart_redis(self) -> None:
        self.redis.stop()
        self._pause(4)
        self.redis.start()

    def _restart_postgres(self) -> None:
        self.postgres.stop()
        self._pause(5)
        self.postgres.start()

    def _half_open(self) -> None:
        for way in self.ways:
            way.half_open()

    def _cut(self) -> None:
        way = self.rng.choice(self.ways)
        way.cut()
        self._pause(4)
        way.restore()
