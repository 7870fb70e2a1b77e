"""Dramatiq as Andon uses it: a message is a hint that a run may be ready, and an idle worker wakes at once.

No middleware: retries, time limits and timers belong to Andon. `HintBroker` enqueues many hints in one round trip
and declares no delay queues; its consumer blocks on a wake list instead of polling.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from dramatiq import Message
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import compute_backoff, current_millis
from redis import Redis
from redis.exceptions import NoScriptError, RedisError

from andon.engine.dispatch.lines import ALONE

log = logging.getLogger(__name__)
ACTOR = "execute_run"
ALONE_ACTOR = "execute_run_alone"
NAMESPACE = "andon:hints"
MAX_TOKENS = 16
UNPACK = 1000
AHEAD_SECONDS = 0.02
FIRST_PAUSE_MS = 100
LONGEST_PAUSE_MS = 3000


class HintBroker(RedisBroker):
    """A `RedisBroker` whose messages are hints. Its consumers take none while `taking` is false, and none of runs that
    are tried alone while `tries_alone` is.
    """

    def __init__(self, client: Redis, blocking: Redis | None = None) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            client=client,
            middleware=[],
            namespace=NAMESPACE,
            maintenance_chance=10_000,
            heartbeat_timeout=30_000,
        )
        self.blocking = blocking
        self.taking = self.tries_alone = True
        self.muted = False  # no worker is to be told of a run: they are drained

    @property
    def consumer_class(self) -> type[WakingConsumer]:
        """Dramatiq's hook for another consumer."""
        return WakingConsumer

    def declare_queue(self, queue_name: str) -> None:
        """Declare a queue, without the delay queue that Dramatiq would poll."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def hint(self, runs: Iterable[tuple[uuid.UUID, str]]) -> None:
        """Tell the workers of each queue that these runs (id, queue) may be ready."""
        if self.muted:
            return
        calls = DispatchCalls(self)
        tokens: dict[str, int] = {}
        for run_id, queue in runs:
            # An id of its own for each: with the run's, acknowledging one hint would drop the next one's message.
            message_id = uuid.uuid4().hex
            message: Message[None] = Message(
                queue_name=queue,
                actor_name=ALONE_ACTOR if queue.endswith(ALONE) else ACTOR,
                args=(str(run_id),),
                kwargs={},
                options={"redis_message_id": message_id},
                message_id=message_id,
            )
            calls.add("enqueue", queue, message_id, message.encode())
            tokens[queue] = min(tokens.get(queue, 0) + 1, MAX_TOKENS)
        for queue, count in tokens.items():
            calls.wake(queue, count)
        if tokens:
            calls.execute()

    def idle(self, queues: Sequence[str]) -> list[str]:
        """Those of the queues in which no hint lies that no worker has taken."""
        pipe = self.client.pipeline(transaction=False)
        for queue in queues:
            pipe.llen(f"{self.namespace}:{queue}")
        return [queue for queue, length in zip(queues, pipe.execute(), strict=True) if length == 0]


def kinds(queues: Iterable[str]) -> dict[str, str]:
    """What Redis calls the kind of each key that hints are kept under."""
    found = {f"{NAMESPACE}:__heartbeats__": "zset"}
    for queue in queues:
        found |= {f"{NAMESPACE}:{queue}": "list", f"{NAMESPACE}:{queue}.msgs": "hash", wake_key(queue): "list"}
    return found


def wake_key(queue: str) -> str:
    """The list on which idle consumers of `queue` block."""
    return f"{NAMESPACE}:wake:{queue}"


class DispatchCalls:
    """Calls of Dramatiq's dispatch script, all made in one round trip."""

    def __init__(self, broker: HintBroker) -> None:
        self._broker = broker
        self._script = broker.scripts["dispatch"]
        self._pipe = broker.client.pipeline(transaction=False)

    def add(self, command: str, queue: str, *arguments: Any) -> None:
        """Make this call, too."""
        broker = self._broker
        self._pipe.evalsha(
            self._script.sha,
            1,
            broker.namespace,
            *(command, current_millis(), queue, broker.broker_id),
            *(broker.heartbeat_timeout, broker.dead_message_ttl),
            *(broker._should_do_maintenance(command), UNPACK, *arguments),
        )

    def wake(self, queue: str, count: int) -> None:
        """Wake `count` idle consumers of the queue."""
        self._pipe.lpush(wake_key(queue), *["1"] * count)
        self._pipe.ltrim(wake_key(queue), 0, MAX_TOKENS * 4)

    def execute(self) -> list[Any]:
        """The answers, in order."""
        calls = list(self._pipe.command_stack)
        try:
            return self._pipe.execute()
        except NoScriptError:  # a new or flushed Redis; a consumer that is woken twice finds nothing
            self._broker.client.script_load(self._script.script)
            self._pipe.command_stack = calls
            return self._pipe.execute()


class WakingConsumer(Consumer):
    """Takes a hint for each free thread, some more while runs are short; blocks on the wake list while there are none.

    What it holds ahead of a free thread goes back to the queue when no thread gets free soon. Hints that were
    followed are acknowledged with the next fetch.

    It outlives its Redis: one made anew, as Dramatiq does on an error, would take hints for threads that are busy.
    """

    def __init__(self, broker: HintBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        self._broker = broker
        self._queue = queue_name
        self._is_alone = queue_name.endswith(ALONE)
        self._prefetch = prefetch
        self._timeout = timeout / 1000
        self._ahead: deque[Message[Any]] = deque()
        self._outstanding: set[str] = set()
        self._followed: deque[str] = deque()
        self._freed = threading.Event()
        self._fetched_at = time.monotonic()
        self._failures = 0

    def __next__(self) -> MessageProxy | None:
        try:
            if not self._free:
                self._wait()
            elif not self._ahead:
                self._fetch()
                self._failures = 0
        except RedisError as error:
            log.warning("redis away: %s", error)
            self._pause()
        if not self._ahead or not self._free:
            return None
        message = self._ahead.popleft()
        if self._is_alone:
            self._broker.tries_alone = False  # until it has had its time
        self._outstanding.add(message.options["redis_message_id"])
        return MessageProxy(message)

    @property
    def _free(self) -> int:
        """Threads that no hint was given to; none while the worker takes no more. One for a run that is tried alone."""
        if not self._broker.taking:
            return 0
        if self._is_alone:
            return int(self._broker.tries_alone)
        return self._prefetch - len(self._outstanding)

    def _pause(self) -> None:
        """Longer after each failure, and by chance: workers, which all fail at once, don't all come back at once."""
        self._failures, milliseconds = compute_backoff(
            self._failures, factor=FIRST_PAUSE_MS, max_backoff=LONGEST_PAUSE_MS
        )
        time.sleep(milliseconds / 1000)

    def _wait(self) -> None:
        """Wait for a free thread; give back what was fetched ahead of it when none comes."""
        self._freed.clear()
        if not self._free:
            self._freed.wait(AHEAD_SECONDS * 2 if self._ahead else self._timeout)
        if self._ahead and not self._free:
            self._give_back()

    def _fetch(self) -> None:
        """Acknowledge what was followed and take new hints, in one round trip; block while there are none."""
        calls = DispatchCalls(self._broker)
        followed = [self._followed.popleft() for _ in range(len(self._followed))]
        for message_id in followed:
            calls.add("ack", self._queue, message_id)
        now = time.monotonic()
        pace = len(followed) / (now - self._fetched_at + AHEAD_SECONDS)
        calls.add("fetch", self._queue, self._free + min(int(pace * AHEAD_SECONDS), self._prefetch))
        try:
            *_, fetched = calls.execute()
        except RedisError:
            self._followed.extend(followed)
            raise
        self._fetched_at = now
        self._ahead.extend(Message.decode(data) for data in fetched if data is not None)
        if not self._ahead and self._broker.blocking is not None:
            self._broker.blocking.blpop([wake_key(self._queue)], timeout=self._timeout)

    def _give_back(self) -> None:
        calls = DispatchCalls(self._broker)
        calls.add("requeue", self._queue, *(each.options["redis_message_id"] for each in self._ahead))
        calls.wake(self._queue, min(len(self._ahead), MAX_TOKENS))
        calls.execute()
        self._ahead.clear()

    def ack(self, message: MessageProxy) -> None:
        """The hint was followed. Until Redis is told so with the next fetch, a second delivery is harmless."""
        message_id = message.options["redis_message_id"]
        self._followed.append(message_id)
        self._outstanding.discard(message_id)
        self._freed.set()

    nack = ack

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Give back hints that were taken and not followed."""
        ids = [message.options["redis_message_id"] for message in messages]
        if ids:
            self._broker.do_requeue(self._queue, *ids)

    def close(self) -> None:
        """Give back what is held ahead."""
        if self._ahead:
            self._give_back()
