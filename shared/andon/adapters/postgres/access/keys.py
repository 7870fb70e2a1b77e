"""API keys: made, found by their secret, listed, revoked. What is stored of a secret is its sha256."""

import datetime as dt
import hashlib
import re
import secrets
import uuid
from collections.abc import Sequence
from typing import NamedTuple

from andon.adapters.postgres.connect import Connection
from andon.engine.ids import new_id

SCOPES = ("read", "write", "cancel", "admin")
TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")  # it is a part of paths and names
PREFIX = "andon_"
SECRET_BYTES = 32
TRUSTED_SECONDS = 2.0  # how long a process may remember a key, and take it although it is revoked

_COLUMNS = "id, tenant, name, scopes, created_at, last_used_at, revoked_at"
_CREATE = "INSERT INTO andon.api_keys (id, tenant, name, sha256, scopes) VALUES (%s, %s, %s, %s, %s)"
_FIND = f"SELECT {_COLUMNS} FROM andon.api_keys WHERE sha256 = %s AND revoked_at IS NULL"
_FIND_BY_ID = f"SELECT {_COLUMNS}, sha256 FROM andon.api_keys WHERE id = %s AND revoked_at IS NULL"
_USED = """
UPDATE andon.api_keys SET last_used_at = clock_timestamp()
WHERE id = %s AND (last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '1 min')
"""
_LIST = f"""
SELECT {_COLUMNS} FROM andon.api_keys WHERE %(tenant)s::text IS NULL OR tenant = %(tenant)s ORDER BY id DESC
"""
_REVOKE = f"""
UPDATE andon.api_keys SET revoked_at = coalesce(revoked_at, clock_timestamp()) WHERE id = %s RETURNING {_COLUMNS}
"""


class Key(NamedTuple):
    """What is known of a key; its secret is not."""

    id: uuid.UUID
    tenant: str
    name: str
    scopes: list[str]
    created_at: dt.datetime
    last_used_at: dt.datetime | None
    revoked_at: dt.datetime | None


def create_key(connection: Connection, tenant: str, name: str, scopes: Sequence[str]) -> tuple[uuid.UUID, str]:
    """Make a key; returns its id and its secret, which can't be read again. Raises `ValueError` naming the field."""
    if not TENANT.fullmatch(tenant):
        said = "expected 1 to 100 letters, digits, '_', '.', '-', beginning with a letter or digit"
        raise ValueError(f"tenant: {said}, got {tenant[:200]!r}")
    if not name.strip() or len(name) > 200 or not name.isprintable():
        raise ValueError(f"name: expected 1 to 200 printable characters, got {name[:200]!r}")
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        got = ", ".join(map(repr, unknown)) or "none"
        raise ValueError(f"scopes: expected at least one of {', '.join(SCOPES)}; got {got}")
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    id = new_id()
    ordered = [each for each in SCOPES if each in scopes]
    connection.execute(_CREATE, [id, tenant, name, digest(secret), ordered])
    return id, secret


def find_key(connection: Connection, secret: str) -> Key | None:
    """The key with this secret, unless there is none or it is revoked. Notes its use, at most once a minute."""
    if not secret.startswith(PREFIX):
        return None
    row = connection.execute(_FIND, [digest(secret)]).fetchone()
    if row is None:
        return None
    key = Key(*row)
    connection.execute(_USED, [key.id])
    return key


def find_key_by_id(connection: Connection, id: uuid.UUID) -> tuple[Key, bytes] | None:
    """The key with this id and its digest, unless there is none or it is revoked. Notes its use, as `find_key`."""
    row = connection.execute(_FIND_BY_ID, [id]).fetchone()
    if row is None:
        return None
    *fields, sha256 = row
    connection.execute(_USED, [id])
    return Key(*fields), bytes(sha256)


def list_keys(connection: Connection, tenant: str | None = None) -> list[Key]:
    """The keys of `tenant`, or all of them, newest first, revoked ones too."""
    return [Key(*row) for row in connection.execute(_LIST, {"tenant": tenant}).fetchall()]


def revoke_key(connection: Connection, id: uuid.UUID) -> Key | None:
    """Make the key useless from now on; None if there is none. Revoked again, it keeps its first time."""
    row = connection.execute(_REVOKE, [id]).fetchone()
    return None if row is None else Key(*row)


def digest(secret: str) -> bytes:
    """What is stored of a secret. 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).digest()
