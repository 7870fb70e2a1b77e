"""A worker's errands to Redis, by one thread: check flags, publish ends, announce changes.

A Redis that is slow or away holds up nothing else; where it can't say whether a run is cancelled, Postgres is asked.
"""

from __future__ import annotations

import logging
import queue
import threading
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from redis import Redis
from redis.exceptions import RedisError

from andon.adapters.postgres.runs.settle import Settled
from andon.adapters.redis import bus, live
from andon.adapters.redis.breaker import Breaker
from andon.adapters.redis.flags import EPOCH, PREFIX, FlagReader
from andon.adapters.redis.sending import send
from andon.engine.events import Event
from andon_worker.metrics import RunMetrics

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FlagCheck:
    """Look at these flags; `answer(True)` if one is raised by an event later than `seq`, None if Redis can't tell."""

    names: Sequence[str]
    seq: int
    answer: Callable[[bool | None], object]


@dataclass(frozen=True)
class Sent:
    """Events that are recorded, to be published."""

    events: Sequence[Event]


Errand = FlagCheck | Settled | Sent | tuple[uuid.UUID, uuid.UUID | None] | Callable[[], object]


class Courier(threading.Thread):
    """Everything here may be called from any thread, and is done soon."""

    def __init__(self, redis: Redis, reader: FlagReader, metrics: RunMetrics) -> None:
        super().__init__(daemon=True, name="andon-courier")
        self._redis = redis
        self._reader = reader
        self._breaker = Breaker()
        self._metrics = metrics
        self._errands: queue.SimpleQueue[Errand | None] = queue.SimpleQueue()
        self._closed = False

    def check(self, check: FlagCheck) -> None:
        """Look at a run's flags."""
        self._errands.put(check)

    def tell(self, settled: Settled) -> None:
        """Publish how a run has ended; what Redis doesn't take now, the outbox relays."""
        self._errands.put(settled)

    def publish(self, events: Sequence[Event]) -> None:
        """Publish recorded events; what Redis doesn't take now, the outbox relays."""
        self._errands.put(Sent(events))

    def announce(self, run_id: uuid.UUID, subject_id: uuid.UUID | None) -> None:
        """Tell viewers that a run has changed."""
        self._errands.put((run_id, subject_id))

    def said(self, runs: Collection[uuid.UUID]) -> None:
        """Tell viewers that lines of these runs were kept."""
        self._errands.put(partial(self._announce_lines, runs))

    def run_errand(self, errand: Callable[[], object]) -> None:
        """Do this, which may take a while."""
        self._errands.put(errand)

    def close(self) -> None:
        """End when all is done that is known now."""
        self._errands.put(None)

    def run(self) -> None:
        """Go until closed."""
        while not self._closed:
            errands = [self._errands.get()]
            while not self._errands.empty():
                errands.append(self._errands.get())
            try:
                self._check([each for each in errands if isinstance(each, FlagCheck)])
                self._tell(
                    [each for each in errands if isinstance(each, Settled)],
                    [each for each in errands if isinstance(each, tuple) and not isinstance(each, Settled)],
                    [event for each in errands if isinstance(each, Sent) for event in each.events],
                )
                for each in errands:
                    if callable(each):
                        each()
            except Exception:
                log.exception("an errand to Redis failed")  # runs wait for the answers of the next ones
            self._closed = None in errands

    def _check(self, checks: list[FlagCheck]) -> None:
        if not checks:
            return
        keys = [EPOCH, *(PREFIX + name for each in checks for name in each.names)]
        values = self._breaker.call(lambda: self._reader.read(keys))
        known = values is not None and values[0] is not None
        found = dict(zip(keys, values or (), strict=False))
        for each in checks:
            flags = (found.get(PREFIX + name) for name in each.names)
            each.answer(any(_is_later(value, each.seq) for value in flags) if known else None)

    def _tell(
        self, settled: list[Settled], changed: list[tuple[uuid.UUID, uuid.UUID | None]], sent: list[Event]
    ) -> None:
        if not settled and not changed and not sent:
            return
        told = bus.publishing([*sent, *(each.event for each in settled if each.event)])
        told += live.announcing(dict.fromkeys([*changed, *((each.run_id, each.subject_id) for each in settled)]))
        try:
            self._breaker.call(lambda: send(self._redis, told))
        except RedisError as error:
            log.warning("redis refused %d events and what %d ends mean: %s", len(sent), len(settled), error)
        if settled:
            self._metrics.count(settled)

    def _announce_lines(self, runs: Collection[uuid.UUID]) -> None:
        try:
            self._breaker.call(lambda: live.announce_lines(self._redis, runs))
        except RedisError as error:
            log.warning("redis refused to tell what %d runs said: %s", len(runs), error)


def _is_later(value: bytes | None, seq: int) -> bool:
    """Whether a flag's value is a cancel event's seq above this one; what somebody else wrote there is none."""
    return value is not None and value.isdigit() and int(value) > seq
