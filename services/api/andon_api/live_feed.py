"""One Redis subscription per process that wakes the streams: a hint that something changed, never the truth."""

import json
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import structlog
from redis import Redis
from redis.exceptions import RedisError

from andon.adapters.redis.live import CHANNEL
from andon.engine.declared.subjects import subject_id
from andon.engine.events import DEFAULT_TENANT
from andon_api.serving.bell import Bell
from andon_api.share import Share

log = structlog.get_logger("andon.api")
ANY = "any"
"""The topic of whatever has become of a run."""


class TooManyStreams(Exception):
    """As many listen in this process, or for this tenant, as may."""


class Listener:
    """Somebody's ear: what it listens to, what of that was named lately, and the bell."""

    def __init__(self, topics: Mapping[str, str]) -> None:
        """`topics` by what the channel calls them."""
        self.topics = topics
        self.bell = Bell()
        self._lock = threading.Lock()
        self._named = set(topics.values())

    def ring(self, named: frozenset[str]) -> None:
        """These have changed."""
        with self._lock:
            self._named |= {self.topics[each] for each in named if each in self.topics}
        self.bell.ring()

    def named(self) -> set[str]:
        """What has changed since this was asked last; at first, all of it."""
        self.bell.hear()
        with self._lock:
            named, self._named = self._named, set()
        return named


class LiveFeed:
    """Listens to `andon:live` while there are streams, and rings those that a message names.

    `streams` hold no thread, `waits` one each.
    """

    def __init__(self, connect: Callable[[], Redis], *, streams: Share, waits: Share) -> None:
        self._connect = connect
        self.streams = streams
        self.waits = waits
        self._lock = threading.Lock()
        self._listeners: dict[str, set[Listener]] = defaultdict(set)
        self._thread: threading.Thread | None = None
        self.rings = time.time_ns()  # another number after each change; another process has others
        self.fed = False  # whether changes are told; else whoever listens has to look
        self.closing = threading.Event()

    @contextmanager
    def listen(self, *topics: str, tenant: str = DEFAULT_TENANT, of: Share | None = None) -> Iterator[Listener]:
        """A listener to `report:<id>`, `subject:<kind>:<id>`, `run:<id>`, `logs:<id>`, `ANY`.

        Raises `TooManyStreams` when the process or tenant has enough.
        """
        share, listener = of or self.waits, Listener({_called(each, tenant): each for each in topics})
        with self._lock:
            if self.closing.is_set():
                raise TooManyStreams
            if not share.take(tenant):
                raise TooManyStreams
            for topic in listener.topics or {""}:
                self._listeners[topic].add(listener)
            if self._thread is None:
                self._thread = threading.Thread(target=self._follow, name="andon-live", daemon=True)
                self._thread.start()
        try:
            yield listener
        finally:
            with self._lock:
                share.give(tenant)
                for topic in listener.topics or {""}:
                    self._listeners[topic].discard(listener)
                    if not self._listeners[topic]:
                        del self._listeners[topic]

    @property
    def open_streams(self) -> int:
        """How many streams are open, and how many requests wait for their effect."""
        return self.streams.taken + self.waits.taken

    def close(self) -> None:
        """End every stream, so that the process can stop. A signal's handler may call this: it takes no lock."""
        self.closing.set()
        for each in {listener for listeners in tuple(self._listeners.values()) for listener in tuple(listeners)}:
            each.bell.ring()

    def _follow(self) -> None:
        while not self.closing.is_set():
            try:
                self._read(self._connect())
            except (RedisError, OSError) as error:
                log.warning("live updates fall back to polling", error=str(error))
                self.fed = False
                self.closing.wait(1 + random.random())

    def _read(self, redis: Redis) -> None:
        with redis, redis.pubsub() as channel:  # type: ignore[no-untyped-call]
            channel.subscribe(CHANNEL)
            while not self.closing.is_set():
                message = channel.get_message(timeout=1.0)
                if message is None:
                    continue
                if message["type"] == "subscribe":  # also when the connection was made anew, which nobody else tells
                    self.fed = True
                    self._tell(frozenset(tuple(self._listeners)))  # what was said before it, nobody has heard
                else:
                    self._deliver(message["data"])

    def _deliver(self, data: bytes) -> None:
        try:
            said = json.loads(data)
            named = frozenset(f"{kind}:{id}" for kind, id in said.items())
            named |= {f"subject:{id}" for id in said.get("subjects", ())}
            named |= {f"logs:{id}" for id in said.get("logs", ())}
        except (ValueError, AttributeError, RecursionError, TypeError):
            return
        self._tell(named | {ANY} if "run" in said else named)

    def _tell(self, named: frozenset[str]) -> None:
        with self._lock:
            self.rings += 1
            told = {each for topic in named for each in self._listeners.get(topic, ())}
        for each in told:
            each.ring(named)


def _called(topic: str, tenant: str) -> str:
    """What the channel, which names no kinds, calls this."""
    kind, _, id = topic.partition(":")
    if kind == "report":
        return f"subject:{subject_id(tenant, kind, id)}"
    return f"subject:{subject_id(tenant, *id.split(':', 1))}" if kind == "subject" else topic
