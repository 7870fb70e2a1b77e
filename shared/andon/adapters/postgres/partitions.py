"""How many partitions the bus has, as every lease of a dispatcher knows. The number never falls."""

from __future__ import annotations

from typing import Any

import psycopg

_COUNT = "SELECT coalesce(max(partitions), 1) FROM andon.dispatcher_leases"
_MAKE = """
INSERT INTO andon.dispatcher_leases AS l (partition, holder, lease_until, partitions)
SELECT p, '', clock_timestamp(), %(count)s FROM generate_series(0, %(count)s - 1) p ORDER BY p
ON CONFLICT (partition) DO UPDATE SET partitions = excluded.partitions WHERE l.partitions < excluded.partitions
"""


def count(connection: psycopg.Connection[Any]) -> int:
    """How many there are; 1 before any dispatcher has led."""
    [found] = connection.execute(_COUNT).fetchone() or [1]
    return int(found)


def make(connection: psycopg.Connection[Any], wanted: int) -> int:
    """Have at least as many as are wanted; returns how many there are.

    Waits for the transactions of those who lead; each one after it sees the number.
    """
    if wanted > count(connection):
        connection.execute(_MAKE, {"count": wanted})
    return count(connection)
