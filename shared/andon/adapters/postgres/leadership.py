"""Who dispatches: a fenced lease in Postgres. A former leader's commit fails, so no pair is missed."""

import time
from typing import Any

from andon.adapters.postgres.connect import LOCKING, Connection

_ACQUIRE = """
INSERT INTO andon.dispatcher_leases AS l (partition, holder, lease_until)
VALUES (0, %(holder)s, clock_timestamp() + %(seconds)s * interval '1 s')
ON CONFLICT (partition) DO UPDATE SET holder = excluded.holder, fence = l.fence + 1,
    lease_until = clock_timestamp() + %(seconds)s * interval '1 s'
WHERE l.lease_until <= clock_timestamp() - %(patience)s * interval '1 s'
    OR l.holder = excluded.holder AND l.lease_until > clock_timestamp()
RETURNING fence
"""
_RENEW = """
UPDATE andon.dispatcher_leases SET lease_until = clock_timestamp() + %(seconds)s * interval '1 s'
WHERE fence = %(fence)s RETURNING fence
"""
# Ours, whatever the server's settings are: a lock that somebody keeps must not keep this, nor a limit meant for people
# end what takes its time.
_LIMITS = "set_config('lock_timeout', '3s', true) || set_config('statement_timeout', '20s', true)"
_HOLD = f"""
SELECT low_water, {LOCKING}, {_LIMITS} FROM andon.dispatcher_leases
WHERE fence = %(fence)s FOR SHARE
"""
_RELEASE = """
UPDATE andon.dispatcher_leases SET lease_until = clock_timestamp()
WHERE fence = %(fence)s
"""


class NotLeader(Exception):
    """Another dispatcher has taken over; what this one was about to write must not be."""


class Leadership:
    """The right to dispatch, for `seconds` since it was last renewed.

    One with `patience` takes it only when nobody has had it for so many seconds.
    """

    def __init__(self, holder: str, *, seconds: float, patience: float = 0.0) -> None:
        self.holder = holder
        self._patience = patience
        self._seconds = seconds
        self._fence = 0
        self._renew_at = 0.0

    def _values(self) -> dict[str, Any]:
        return {
            "holder": self.holder,
            "seconds": self._seconds,
            "fence": self._fence,
            "patience": self._patience,
        }

    def acquire(self, connection: Connection) -> bool:
        """Become the leader if there is none, or again while the lease is still this one's."""
        row = connection.execute(_ACQUIRE, self._values()).fetchone()
        if row is None:
            return False
        self._fence = row[0]
        self._renew_at = time.monotonic() + self._seconds / 3
        return True

    def renew(self, connection: Connection) -> None:
        """Extend the lease when a third of it has passed; raises `NotLeader` if another has it."""
        if time.monotonic() < self._renew_at:
            return
        if connection.execute(_RENEW, self._values()).fetchone() is None:
            raise NotLeader
        self._renew_at = time.monotonic() + self._seconds / 3

    def hold(self, connection: Connection) -> str:
        """Inside a transaction: make sure, until it commits, that nobody takes over; raises `NotLeader`.

        Returns the bus' low-water mark, below which all entries were handled; it doesn't change until then either.
        """
        row = connection.execute(_HOLD, self._values()).fetchone()
        if row is None:
            raise NotLeader
        return str(row[0])

    def release(self, connection: Connection) -> None:
        """Let a standby take over at once."""
        connection.execute(_RELEASE, self._values())
