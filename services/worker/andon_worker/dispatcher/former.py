"""For one release: read what producers of before still put into streams that were partitions of the bus.

The one dispatcher that leads handles them, beside the bus and with the same lease: nothing comes in twice, and a pair
that is split between streams has the outcome that its seqs say.
"""

import time
from collections.abc import Callable, Sequence

from redis import Redis
from redis.exceptions import ResponseError

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.events import former_streams
from andon_worker.dispatcher.intake import Intake


class FormerIntake(Intake):
    """An intake from a former stream, whose entries keep their names and whose low-water mark is its own."""

    def _name(self, stream_id: str) -> str:
        return former_streams.entry_name(self._stream, stream_id)

    def _hold(self, connection: Connection) -> str:
        super()._hold(connection)
        return former_streams.low_water(connection, self._stream)


class FormerStreams:
    """Reads those of the former streams that are there; most systems have none."""

    def __init__(self, redis: Redis, intake: Callable[[str], FormerIntake]) -> None:
        self._redis = redis
        self._make = intake
        self._intakes: dict[str, FormerIntake] = {}

    def lead(self, streams: Sequence[str]) -> None:
        """Begin to read these, what was read and not acknowledged first."""
        self._intakes = {stream: self._make(stream) for stream in streams}

    def take_in(self, until: float) -> bool:
        """Handle what is there, for no longer than `until`; returns whether all of it is handled."""
        drained = [self._drain(self._intakes[stream], until) for stream in self._present()]
        return all(drained)

    def _present(self) -> list[str]:
        if not self._intakes:
            return []
        pipe = self._redis.pipeline(transaction=False)
        for stream in self._intakes:
            pipe.exists(stream)
        return [stream for stream, there in zip(self._intakes, pipe.execute(), strict=True) if there]

    def _drain(self, intake: FormerIntake, until: float) -> bool:
        try:
            while intake.step(block_ms=0):
                if time.monotonic() >= until:
                    return False
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            intake.create_group()
            return False
        intake.handle_put_off()
        return True
