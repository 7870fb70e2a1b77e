"""One Redis subscription per process that wakes the streams: a hint that something changed, never the truth."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from redis import Redis
from redis.exceptions import RedisError

from andon.adapters.redis.live import CHANNEL
from andon.engine.events import DEFAULT_TENANT

log = structlog.get_logger("andon.api")


class TooManyStreams(Exception):
    """The process's share of threads for streams is taken."""


class Listener:
    """One stream's ear: what it waits for, and the bell."""

    def __init__(self, topics: frozenset[str], tenant: str) -> None:
        self.topics = topics
        self.tenant = tenant
        self._bell = threading.Event()

    def ring(self) -> None:
        """Something changed."""
        self._bell.set()

    def wait(self, seconds: float) -> None:
        """Return at a change, or after `seconds`."""
        self._bell.wait(seconds)
        self._bell.clear()


class LiveFeed:
    """Listens to `andon:live` while there are streams, and rings those that a message names."""

    def __init__(self, connect: Callable[[], Redis], *, most: int, most_each: int | None = None) -> None:
        self._connect = connect
        self._most = most
        self._most_each = most if most_each is None else most_each
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._thread: threading.Thread | None = None
        self.closing = threading.Event()

    @contextmanager
    def listen(self, *topics: str, tenant: str = DEFAULT_TENANT) -> Iterator[Listener]:
        """A listener to `report:<id>` or `run:<id>`; raises `TooManyStreams` when the process or tenant has enough."""
        listener = Listener(frozenset(topics), tenant)
        with self._lock:
            of_tenant = sum(each.tenant == tenant for each in self._listeners)
            if len(self._listeners) >= self._most or of_tenant >= self._most_each or self.closing.is_set():
                raise TooManyStreams
            self._listeners.add(listener)
            if self._thread is None:
                self._thread = threading.Thread(target=self._follow, name="andon-live", daemon=True)
                self._thread.start()
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners.discard(listener)

    @property
    def open_streams(self) -> int:
        """How many streams are open."""
        return len(self._listeners)

    def close(self) -> None:
        """End every stream, so that the process can stop."""
        self.closing.set()
        for each in tuple(self._listeners):
            each.ring()

    def _follow(self) -> None:
        while not self.closing.is_set():
            try:
                self._read(self._connect())
            except (RedisError, OSError) as error:
                log.warning("live updates fall back to polling", error=str(error))
                self.closing.wait(1 + random.random())

    def _read(self, redis: Redis) -> None:
        with redis, redis.pubsub(ignore_subscribe_messages=True) as channel:  # type: ignore[no-untyped-call]
            channel.subscribe(CHANNEL)
            while not self.closing.is_set():
                message = channel.get_message(timeout=1.0)
                if message is not None:
                    self._deliver(message["data"])

    def _deliver(self, data: bytes) -> None:
        try:
            named = {f"{kind}:{id}" for kind, id in json.loads(data).items()}
        except (ValueError, AttributeError):
            return
        with self._lock:
            for each in self._listeners:
                if each.topics & named:
                    each.ring()
