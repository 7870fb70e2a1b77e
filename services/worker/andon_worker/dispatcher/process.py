"""A dispatcher process: a loop per partition, of which no more lead than this process's share.

One that comes gets partitions from those that have more than their share; when one is gone, the others' share grows.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from redis.exceptions import RedisError

from andon.adapters.redis.presence import Presence
from andon_worker.dispatcher.service import DispatcherService
from andon_worker.metrics import DispatcherMetrics

log = logging.getLogger(__name__)
BALANCE_SECONDS = 1.0


class Share:
    """How many partitions each dispatcher leads, and whether this one may lead another."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self.size = partitions
        self.loops: Sequence[DispatcherService] = ()

    def divide(self, dispatchers: int) -> None:
        """Among so many, this one included."""
        self.size = -(-self._partitions // max(dispatchers, 1))

    def leading(self) -> list[DispatcherService]:
        """The loops that lead now."""
        return [each for each in self.loops if each.leads]

    def has_room(self) -> bool:
        """Whether this process leads less than its share."""
        return len(self.leading()) < self.size


class DispatcherProcess:
    """Runs until asked to stop. With one partition there is one loop, in the caller's thread, and nothing to share."""

    def __init__(
        self, share: Share, presence: Presence, tell_placing: Callable[[], None], metrics: DispatcherMetrics
    ) -> None:
        self._share = share
        self._presence = presence
        self._tell_placing = tell_placing
        self._asked = threading.Event()
        self._broken = False
        self.metrics = metrics

    @property
    def partitions(self) -> int:
        """How many there are."""
        return len(self._share.loops)

    @property
    def leads(self) -> int:
        """How many partitions it leads."""
        return len(self._share.leading())

    @property
    def turn_age(self) -> float:
        """Seconds since the slowest of its loops turned; they turn while a store is away, too."""
        return max(each.turn_age for each in self._share.loops)

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._asked.is_set()

    def ask_to_stop(self) -> None:
        """Make `run` return soon; from any thread or a signal handler."""
        self._asked.set()
        for each in self._share.loops:
            each.ask_to_stop()

    def run(self) -> None:
        """Lead what is this one's, until asked to stop. Raises `RuntimeError` if a loop has ended by an error."""
        if len(self._share.loops) == 1:
            self._share.loops[0].run()
            return
        self._balance()
        threads = [
            threading.Thread(target=self._turn, args=[each], name=f"andon-partition-{each.partition}")
            for each in self._share.loops
        ]
        for thread in threads:
            thread.start()
        while not self._asked.wait(BALANCE_SECONDS):
            self._balance()
        for thread in threads:
            thread.join()
        self._leave()
        if self._broken:
            raise RuntimeError("a partition's loop has ended; the log says why")

    def _turn(self, loop: DispatcherService) -> None:
        try:
            loop.run()
        except Exception:
            log.exception("the loop of partition %d has ended", loop.partition)
            self._broken = True
            self.ask_to_stop()

    def _balance(self) -> None:
        """Count the others, and give up what is above the share. While Redis is away, all stays as it is."""
        try:
            self._share.divide(self._presence.beat())
            self._tell_placing()
        except (RedisError, OSError) as error:
            log.warning("redis away: %s", error)
            return
        for each in self._share.leading()[self._share.size :]:
            each.give_up()

    def _leave(self) -> None:
        try:
            self._presence.leave()
        except (RedisError, OSError) as error:
            log.warning("redis away: %s", error)
