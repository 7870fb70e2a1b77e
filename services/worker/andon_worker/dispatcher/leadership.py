"""Who dispatches a partition: a fenced lease in Postgres. A former leader's commit fails, so no pair is missed.

Each lease knows how many partitions there are. A leader learns it with the lock on its lease that each transaction
takes first, so none that believes to be alone can overlap with one of another partition.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import psycopg

from andon.adapters.postgres.connect import LOCKING

_ACQUIRE = """
INSERT INTO andon.dispatcher_leases AS l (partition, holder, lease_until)
VALUES (%(partition)s, %(holder)s, clock_timestamp() + %(seconds)s * interval '1 s')
ON CONFLICT (partition) DO UPDATE SET holder = excluded.holder, fence = l.fence + 1,
    lease_until = clock_timestamp() + %(seconds)s * interval '1 s'
WHERE l.lease_until <= clock_timestamp() - %(patience)s * interval '1 s'
    OR l.holder = excluded.holder AND l.lease_until > clock_timestamp()
RETURNING fence
"""
_RENEW = """
UPDATE andon.dispatcher_leases SET lease_until = clock_timestamp() + %(seconds)s * interval '1 s'
WHERE partition = %(partition)s AND fence = %(fence)s RETURNING fence
"""
_HOLD = f"""
SELECT partitions, low_water, {LOCKING} FROM andon.dispatcher_leases
WHERE partition = %(partition)s AND fence = %(fence)s FOR SHARE
"""
_RELEASE = """
UPDATE andon.dispatcher_leases SET lease_until = clock_timestamp()
WHERE partition = %(partition)s AND fence = %(fence)s
"""


class NotLeader(Exception):
    """Another dispatcher has taken over; what this one was about to write must not be."""


class Held(NamedTuple):
    """What a lease says: how many partitions there are, and below which entry of the bus all were handled."""

    partitions: int
    low_water: str


class Leadership:
    """The right to dispatch one partition, for `seconds` since it was last renewed."""

    def __init__(self, holder: str, *, seconds: float, partition: int = 0) -> None:
        self.holder = holder
        self.partition = partition
        self._seconds = seconds
        self._fence = 0
        self._renew_at = 0.0

    def _values(self) -> dict[str, Any]:
        return {
            "partition": self.partition,
            "holder": self.holder,
            "seconds": self._seconds,
            "fence": self._fence,
        }

    def acquire(self, connection: psycopg.Connection[Any], *, patience: float = 0.0) -> bool:
        """Become the leader if there was none for `patience` seconds, or again while the lease is still this one's."""
        row = connection.execute(_ACQUIRE, {**self._values(), "patience": patience}).fetchone()
        if row is None:
            return False
        self._fence = row[0]
        self._renew_at = time.monotonic() + self._seconds / 3
        return True

    def renew(self, connection: psycopg.Connection[Any]) -> None:
        """Extend the lease when a third of it has passed; raises `NotLeader` if another has it."""
        if time.monotonic() < self._renew_at:
            return
        if connection.execute(_RENEW, self._values()).fetchone() is None:
            raise NotLeader
        self._renew_at = time.monotonic() + self._seconds / 3

    def hold(self, connection: psycopg.Connection[Any]) -> Held:
        """Inside a transaction: make sure, until it commits, that nobody takes over; raises `NotLeader`.

        What it returns doesn't change until then either.
        """
        row = connection.execute(_HOLD, self._values()).fetchone()
        if row is None:
            raise NotLeader
        return Held(*row[:2])

    def release(self, connection: psycopg.Connection[Any]) -> None:
        """Let a standby take over at once."""
        connection.execute(_RELEASE, self._values())
