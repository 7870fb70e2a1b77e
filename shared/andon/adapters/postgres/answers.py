"""Answers that requests got, kept under their idempotency keys in the transaction of what they did."""

from typing import Any, NamedTuple

from andon.adapters.postgres.connect import Connection

_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 7))"
_FIND = "SELECT request_hash, status, body, headers FROM andon.idempotency_keys WHERE tenant = %s AND key = %s"
_KEEP = """
INSERT INTO andon.idempotency_keys (tenant, key, request_hash, status, body, headers)
VALUES (%s, %s, %s, %s, %s::json, %s::jsonb)
"""


class Answer(NamedTuple):
    """One, with the fingerprint of the request that it was given to."""

    fingerprint: str
    status: int
    body: Any
    headers: dict[str, str]


class Taken(Exception):
    """Another transaction handles a request with this key."""


def find(connection: Connection, tenant: str, key: str) -> Answer | None:
    """The answer that was given under this key; the transaction holds the key from here on. Raises `Taken`."""
    [free] = connection.execute(_LOCK, [f"{tenant}\n{key}"]).fetchone() or [False]
    if not free:
        raise Taken
    row = connection.execute(_FIND, [tenant, key]).fetchone()
    return Answer(*row) if row else None


def keep(
    connection: Connection, tenant: str, key: str, *, fingerprint: str, status: int, body: str, headers: str
) -> None:
    """Keep an answer, its body and headers as JSON."""
    connection.execute(_KEEP, [tenant, key, fingerprint, status, body, headers])
