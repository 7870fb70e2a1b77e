"""Tokens: made for a few things and a while, found by their secret, revoked. Of a secret, its sha256 is stored."""

import datetime as dt
import secrets
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from andon.adapters.postgres.access.keys import SECRET_BYTES, digest
from andon.adapters.postgres.connect import Connection, one
from andon.engine.ids import new_id

SCOPES = ("read", "cancel")
PREFIX = "andont_"
LONGEST = dt.timedelta(hours=1)

_CREATE = """
INSERT INTO andon.tokens (id, tenant, key_id, sha256, things, scopes, "user", expires_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, clock_timestamp() + %s) RETURNING expires_at
"""
# Each that is made takes some with it that nobody can use any more: there is nothing else to clean up.
_FORGET = """
DELETE FROM andon.tokens WHERE id IN (
    SELECT id FROM andon.tokens WHERE expires_at < clock_timestamp() LIMIT 100 FOR UPDATE SKIP LOCKED)
"""
_IN_FORCE = """
t.revoked_at IS NULL AND t.expires_at > clock_timestamp()
    AND (t.key_id IS NULL OR EXISTS (SELECT FROM andon.api_keys k WHERE k.id = t.key_id AND k.revoked_at IS NULL))
"""
_FIND = f"""
SELECT t.id, t.tenant, t.key_id, t.things, t.scopes, t."user" FROM andon.tokens t WHERE t.sha256 = %s AND {_IN_FORCE}
"""
_REVOKE = f"""
UPDATE andon.tokens t SET revoked_at = clock_timestamp() WHERE t.id = %s AND t.tenant = %s AND {_IN_FORCE}
RETURNING t.id
"""


class Token(NamedTuple):
    """What is known of a token; its secret is not."""

    id: uuid.UUID
    tenant: str
    key_id: uuid.UUID | None
    things: list[str]
    scopes: list[str]
    user: Any


class MadeToken(NamedTuple):
    """A token as it is shown once."""

    id: uuid.UUID
    secret: str
    expires_at: dt.datetime


def create_token(
    connection: Connection,
    *,
    tenant: str,
    key_id: uuid.UUID | None,
    things: Sequence[str],
    scopes: Sequence[str],
    user: Any,
    ttl: dt.timedelta,
) -> MadeToken:
    """Make a token that opens `things` of the tenant for `ttl`, and ends with the key. Its secret is shown once."""
    secret, id = PREFIX + secrets.token_urlsafe(SECRET_BYTES), new_id()
    connection.execute(_FORGET)
    values = [id, tenant, key_id, digest(secret), list(things), list(scopes), Jsonb(user), min(ttl, LONGEST)]
    return MadeToken(id, secret, *one(connection, _CREATE, values))


def find_token(connection: Connection, secret: str) -> Token | None:
    """The token with this secret, unless there is none, it has run out, or it or its key was revoked."""
    row = connection.execute(_FIND, [digest(secret)]).fetchone()
    return None if row is None else Token(*row)


def revoke_token(connection: Connection, tenant: str, id: uuid.UUID) -> bool:
    """End a token before its time; whether there was one in force."""
    return connection.execute(_REVOKE, [id, tenant]).fetchone() is not None
