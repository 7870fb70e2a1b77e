"""Dramatiq as Andon uses it: a message is a hint that a run may be ready, and an idle worker wakes at once.

No middleware: retries, time limits and timers belong to Andon. `HintBroker` enqueues many hints in one round trip
and declares no delay queues; its consumer blocks on a wake list instead of polling.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from dramatiq import Message
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import current_millis
from dramatiq.errors import ConnectionClosed
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

ACTOR = "execute_run"
ALONE_ACTOR = "execute_run_alone"
NAMESPACE = "andon:hints"
MAX_TOKENS = 16
URGENT = ".urgent"
ALONE = ".alone"


class HintBroker(RedisBroker):
    """A `RedisBroker` whose messages are hints. Its consumers take none while `taking` is false."""

    def __init__(self, client: Redis, blocking: Redis | None = None) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            client=client,
            middleware=[],
            namespace=NAMESPACE,
            maintenance_chance=10_000,
            heartbeat_timeout=30_000,
        )
        self.blocking = blocking
        self.taking = True

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
        pipe = self.client.pipeline(transaction=False)
        tokens: dict[str, int] = {}
        enqueue = self.scripts["dispatch"]
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
            enqueue(
                keys=[self.namespace],
                args=[
                    *("enqueue", current_millis(), queue, self.broker_id),
                    *(self.heartbeat_timeout, self.dead_message_ttl, 0, 1000),
                    *(message_id, message.encode()),
                ],
                client=pipe,
            )
            tokens[queue] = min(tokens.get(queue, 0) + 1, MAX_TOKENS)
        for queue, count in tokens.items():
            pipe.lpush(wake_key(queue), *["1"] * count)
            pipe.ltrim(wake_key(queue), 0, MAX_TOKENS * 4)
        if tokens:
            pipe.execute()

    def idle(self, queues: Sequence[str]) -> list[str]:
        """Those of the queues in which no hint lies that no worker has taken."""
        pipe = self.client.pipeline(transaction=False)
        for queue in queues:
            pipe.llen(f"{self.namespace}:{queue}")
        return [queue for queue, length in zip(queues, pipe.execute(), strict=True) if length == 0]


def wake_key(queue: str) -> str:
    """The list on which idle consumers of `queue` block."""
    return f"{NAMESPACE}:wake:{queue}"


class WakingConsumer(Consumer):
    """Takes no more hints than there are free threads, and blocks on the wake list while there are none."""

    def __init__(self, broker: HintBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        self._broker = broker
        self._queue = queue_name
        self._prefetch = prefetch
        self._timeout = timeout / 1000
        self._fetched: list[bytes] = []
        self._outstanding: set[str] = set()
        self._freed = threading.Event()

    def __next__(self) -> MessageProxy | None:
        try:
            if not self._fetched:
                self._fetch()
        except (RedisConnectionError, RedisTimeoutError) as error:
            raise ConnectionClosed(error) from None  # type: ignore[no-untyped-call]
        if not self._fetched:
            return None
        data = self._fetched.pop(0)
        message: Message[Any] = Message.decode(data)
        self._outstanding.add(message.options["redis_message_id"])
        return MessageProxy(message)

    def _fetch(self) -> None:
        free = self._prefetch - len(self._outstanding) if self._broker.taking else 0
        if free <= 0:
            self._freed.clear()
            if len(self._outstanding) >= self._prefetch or not self._broker.taking:
                self._freed.wait(self._timeout)
            return
        self._fetched = [data for data in self._broker.do_fetch(self._queue, free) if data is not None]
        if not self._fetched and self._broker.blocking is not None:
            self._broker.blocking.blpop([wake_key(self._queue)], timeout=self._timeout)

    def ack(self, message: MessageProxy) -> None:
        """The hint was followed; if this can't be said to Redis, a second delivery is harmless."""
        message_id = message.options["redis_message_id"]
        try:
            self._broker.do_ack(self._queue, message_id)
        except RedisError:
            time.sleep(0.05)
        finally:
            self._outstanding.discard(message_id)
            self._freed.set()

    nack = ack

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Give back hints that were taken and not followed."""
        ids = [message.options["redis_message_id"] for message in messages]
        if ids:
            self._broker.do_requeue(self._queue, *ids)
