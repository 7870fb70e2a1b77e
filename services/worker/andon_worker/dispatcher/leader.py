"""The dispatcher that leads, as its duties have it: its stores and its lease, and what follows of what they commit."""

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from redis import Redis

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.database import Database
from andon.adapters.postgres.duties.hinted import CHUNK, Hint
from andon.adapters.postgres.leadership import Leadership
from andon.adapters.postgres.runs.settle import Settled
from andon.adapters.redis import bus, flags, live
from andon.adapters.redis.sending import send
from andon.engine.declared.functions import Registry
from andon.engine.declared.rules import run_flag
from andon.settings import Settings
from andon_worker.broker import HintBroker
from andon_worker.metrics import DispatcherMetrics

LOOK_SECONDS = 0.25
TURN_SECONDS = 0.05
"""For about so long a duty acts, then what has come in has its turn."""
NO_SEQ = 2**53  # of a cancel that is no event: later than all


@dataclass
class Leader:
    """Belongs to the dispatcher's one thread."""

    settings: Settings
    registry: Registry
    database: Database
    redis: Redis
    broker: HintBroker
    leadership: Leadership
    metrics: DispatcherMetrics
    look_at: float = 0.0
    """When to look next at what is due."""
    since: float = field(default_factory=time.monotonic)
    """When it began to lead."""

    def connection(self) -> Connection:
        """Its connection, which waits for nothing: raises while the database is away."""
        return self.database.connection()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction in which nobody else leads."""
        connection = self.connection()
        with connection.transaction():
            self.leadership.hold(connection)
            yield connection

    def look_again(self) -> None:
        """There is more to do than one turn may take, or something new: look again at once."""
        self.look_at = 0.0

    def hint(self, hints: Sequence[Hint]) -> None:
        """Tell workers of runs; where there were as many as are taken at a time, look again."""
        if len(hints) >= CHUNK:
            self.look_again()
        self.broker.hint(hints)

    def stop(self, cancelling: Sequence[uuid.UUID]) -> None:
        """Raise the flags of runs that are cancelled by no event, and that a worker holds."""
        flags.raise_flags(self.redis, dict.fromkeys(map(run_flag, cancelling), NO_SEQ))

    def publish(self, settled: Sequence[Settled]) -> None:
        """Tell everybody of ends: the bus, who looks at a run, who counts; cleanup runs are hinted at the next look."""
        events = bus.publishing(each.event for each in settled if each.event)
        send(self.redis, [*events, *live.announcing((each.run_id, each.subject_id) for each in settled)])
        self.metrics.runs.count(settled)
        if any(each.cleanup for each in settled):
            self.look_again()
