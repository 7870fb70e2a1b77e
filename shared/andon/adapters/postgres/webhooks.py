"""Webhooks: who is told of the ends of a tenant's runs, what each is still owed, and what came of it.

A delivery is written by a trigger in the transaction of the end's own event, so it is never there before the commit,
and never missing after it; of a webhook that is deleted meanwhile it may be left over, and is never sent. It is claimed
by moving its next time ahead: a sender that dies has it sent again.
"""

import datetime as dt
import secrets
import uuid
from collections.abc import Collection
from typing import NamedTuple

from andon.adapters.postgres.asks.requests import Conflict
from andon.adapters.postgres.connect import Connection
from andon.engine.ids import new_id

PREFIX = "andonw_"
STATES = ("owed", "told", "given up")
SECRET_BYTES = 32
MOST = 10
OF_EACH = 4
CLAIMED_SECONDS = 60
FIRST_PAUSE_SECONDS = 5
LONGEST_PAUSE_SECONDS = 600
GIVEN_UP = dt.timedelta(days=3)
KEPT = dt.timedelta(days=30)

_CREATE = """
WITH made AS (
    INSERT INTO andon.webhooks (id, tenant, url) SELECT %(id)s, %(tenant)s, %(url)s
    WHERE (SELECT count(*) FROM andon.webhooks WHERE tenant = %(tenant)s) < %(most)s RETURNING id
)
INSERT INTO andon.webhook_secrets (webhook_id, secret) SELECT id, %(secret)s FROM made RETURNING 1
"""
_LIST = """
SELECT w.id, w.tenant, w.url, w.created_at,
    (SELECT count(*) FROM andon.webhook_secrets s WHERE s.webhook_id = w.id),
    (SELECT count(*) FROM andon.webhook_deliveries d WHERE d.webhook_id = w.id AND d.next_at IS NOT NULL)
FROM andon.webhooks w
WHERE (%(tenant)s::text IS NULL OR w.tenant = %(tenant)s) AND (%(id)s::uuid IS NULL OR w.id = %(id)s) ORDER BY w.id
"""
_WHICH = "WHERE id = %(id)s AND (%(tenant)s::text IS NULL OR tenant = %(tenant)s)"
# Who rotates can't read a secret: the newest is known by its number.
_KEEP_NEWEST = f"""
WITH which AS (SELECT id, tenant FROM andon.webhooks {_WHICH} FOR UPDATE), former AS (
    DELETE FROM andon.webhook_secrets s USING which
    WHERE s.webhook_id = which.id
        AND s.id < (SELECT max(n.id) FROM andon.webhook_secrets n WHERE n.webhook_id = which.id)
)
"""
_FINISH = f"{_KEEP_NEWEST} SELECT tenant FROM which"
_ROTATE = f"""{_KEEP_NEWEST}, newest AS (
    INSERT INTO andon.webhook_secrets (webhook_id, secret) SELECT id, %(secret)s FROM which
)
SELECT tenant FROM which
"""
_DELETE = f"DELETE FROM andon.webhooks {_WHICH} RETURNING tenant"
_SHOWN = "d.id, d.event_id, d.name, d.created_at, d.attempts, d.next_at, d.delivered_at, d.answer"
_DELIVERIES = f"""
SELECT {_SHOWN} FROM andon.webhook_deliveries d
WHERE d.webhook_id = %s AND (%s::bigint IS NULL OR d.id < %s) ORDER BY d.id DESC LIMIT %s
"""
_RESEND = f"""
UPDATE andon.webhook_deliveries d SET next_at = clock_timestamp(), delivered_at = NULL
WHERE d.id = %(id)s AND (%(webhook)s::uuid IS NULL OR d.webhook_id = %(webhook)s) RETURNING {_SHOWN}
"""
# Of a line only the first is due: what failed keeps those behind it. Tenants take turns, each a few at a time.
_CLAIM = f"""
WITH first AS (
    SELECT w.tenant, f.id, f.next_at, row_number() OVER (PARTITION BY w.tenant ORDER BY f.next_at) AS place
    FROM andon.webhooks w CROSS JOIN LATERAL (
        SELECT d.id, d.next_at FROM andon.webhook_deliveries d
        WHERE d.webhook_id = w.id AND d.next_at <= clock_timestamp() AND NOT EXISTS (
            SELECT FROM andon.webhook_deliveries e
            WHERE e.webhook_id = d.webhook_id AND e.line = d.line AND e.id < d.id AND e.next_at IS NOT NULL)
        ORDER BY d.next_at LIMIT %(each)s) f
    WHERE w.tenant <> ALL (%(busy)s)
), due AS (
    SELECT d.id FROM andon.webhook_deliveries d JOIN first USING (id)
    WHERE first.place <= %(each)s AND d.next_at <= clock_timestamp()
    ORDER BY first.place, d.next_at LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED
)
UPDATE andon.webhook_deliveries d
SET attempts = d.attempts + 1, next_at = clock_timestamp() + interval '{CLAIMED_SECONDS} s'
FROM due, andon.webhooks w WHERE d.id = due.id AND w.id = d.webhook_id
RETURNING d.id, d.attempts, d.event_id, d.body, w.tenant, w.url,
    ARRAY(SELECT s.secret FROM andon.webhook_secrets s WHERE s.webhook_id = w.id ORDER BY s.id DESC)
"""
_DONE = (
    "UPDATE andon.webhook_deliveries SET next_at = NULL, delivered_at = clock_timestamp(), answer = %s WHERE id = %s"
)
_FAILED = """
UPDATE andon.webhook_deliveries SET answer = %(answer)s, next_at = CASE
    WHEN created_at + %(given_up)s > clock_timestamp() THEN clock_timestamp() + %(pause)s END
WHERE id = %(id)s RETURNING next_at IS NULL
"""
_FORGET = """
DELETE FROM andon.webhook_deliveries WHERE id IN (
    SELECT id FROM andon.webhook_deliveries WHERE next_at IS NULL AND created_at < clock_timestamp() - %s
    ORDER BY id LIMIT 1000)
"""
# Those that have deliveries are few, and found one after the other by the index.
_FORGET_DELETED = """
WITH RECURSIVE told (id) AS (
    (SELECT webhook_id FROM andon.webhook_deliveries ORDER BY webhook_id LIMIT 1) UNION ALL
    SELECT (SELECT d.webhook_id FROM andon.webhook_deliveries d WHERE d.webhook_id > t.id ORDER BY 1 LIMIT 1)
    FROM told t WHERE t.id IS NOT NULL
)
DELETE FROM andon.webhook_deliveries WHERE id IN (
    SELECT d.id FROM told t JOIN andon.webhook_deliveries d ON d.webhook_id = t.id
    WHERE NOT EXISTS (SELECT FROM andon.webhooks w WHERE w.id = t.id) LIMIT 1000)
"""


class Webhook(NamedTuple):
    """Who is told; the secrets are not shown."""

    id: uuid.UUID
    tenant: str
    url: str
    created_at: dt.datetime
    secrets: int
    waiting: int


class Delivery(NamedTuple):
    """One thing that a webhook was told, or is still owed: `next_at` is None once it was told or given up."""

    id: int
    event_id: str
    name: str
    created_at: dt.datetime
    attempts: int
    next_at: dt.datetime | None
    delivered_at: dt.datetime | None
    answer: str | None

    @property
    def state(self) -> str:
        """`told`, `given up`, or still `owed`."""
        return "owed" if self.next_at is not None else "given up" if self.delivered_at is None else "told"


class Due(NamedTuple):
    """What is to be told now."""

    id: int
    attempts: int
    event_id: str
    body: str
    tenant: str
    url: str
    secrets: list[str]


def create_webhook(connection: Connection, tenant: str, url: str) -> tuple[uuid.UUID, str]:
    """Tell this URL of the ends of the tenant's runs from now on; returns the webhook's id and its secret.

    Raises `Conflict` where the tenant has as many as it may: each end is written once more for each.
    """
    id, secret = new_id(), _secret()
    values = {"id": id, "tenant": tenant, "url": url, "secret": secret, "most": MOST}
    if connection.execute(_CREATE, values).fetchone() is None:
        raise Conflict(f"{MOST} webhooks are as many as a tenant may have: delete one first")
    return id, secret


def list_webhooks(connection: Connection, tenant: str | None = None) -> list[Webhook]:
    """The webhooks of `tenant`, or all of them."""
    return [Webhook(*row) for row in connection.execute(_LIST, {"tenant": tenant, "id": None}).fetchall()]


def find_webhook(connection: Connection, id: uuid.UUID, tenant: str) -> Webhook | None:
    """One of the tenant's."""
    row = connection.execute(_LIST, {"tenant": tenant, "id": id}).fetchone()
    return None if row is None else Webhook(*row)


def rotate_secret(connection: Connection, id: uuid.UUID, tenant: str | None = None) -> tuple[str, str] | None:
    """Another secret, which signs beside the former one from now on, and the webhook's tenant; None if there is none.

    With `tenant`, here and below, only that tenant's are found.
    """
    secret = _secret()
    row = connection.execute(_ROTATE, {"id": id, "tenant": tenant, "secret": secret}).fetchone()
    return None if row is None else (secret, str(row[0]))


def finish_rotation(connection: Connection, id: uuid.UUID, tenant: str | None = None) -> str | None:
    """Sign with the newest secret alone; returns the webhook's tenant, None if there is no such webhook."""
    return _tenant(connection, _FINISH, id, tenant)


def delete_webhook(connection: Connection, id: uuid.UUID, tenant: str | None = None) -> str | None:
    """Tell it nothing more; returns its tenant. What it is owed is never sent, and forgotten later."""
    return _tenant(connection, _DELETE, id, tenant)


def deliveries(connection: Connection, webhook_id: uuid.UUID, limit: int, before: int | None = None) -> list[Delivery]:
    """What it was told, and is owed, newest first: of those older than the delivery `before`."""
    found = connection.execute(_DELIVERIES, [webhook_id, before, before, limit]).fetchall()
    return [Delivery(*row) for row in found]


def resend(connection: Connection, id: int, webhook_id: uuid.UUID | None = None) -> Delivery | None:
    """Tell it again, whatever came of it before; None if there is no such delivery, of this webhook if it is given."""
    row = connection.execute(_RESEND, {"id": id, "webhook": webhook_id}).fetchone()
    return None if row is None else Delivery(*row)


def claim(connection: Connection, limit: int, busy: Collection[str] = ()) -> list[Due]:
    """What is due, at most so many, and a few of each tenant but those `busy`; nobody else gets them for a minute."""
    values = {"limit": limit, "each": OF_EACH, "busy": list(busy)}
    return [Due(*row) for row in connection.execute(_CLAIM, values).fetchall()]


def told(connection: Connection, id: int, answer: str) -> None:
    """It was told."""
    connection.execute(_DONE, [answer, id])


def failed(connection: Connection, due: Due, answer: str) -> bool:
    """It was not told: try again after a pause that doubles, for three days. Returns whether it is given up."""
    pause = min(FIRST_PAUSE_SECONDS * 2 ** min(due.attempts - 1, 20), LONGEST_PAUSE_SECONDS)
    values = {"id": due.id, "answer": answer, "given_up": GIVEN_UP, "pause": dt.timedelta(seconds=pause)}
    row = connection.execute(_FAILED, values).fetchone()
    return row is not None and bool(row[0])


def forget(connection: Connection) -> bool:
    """Forget some that were told or given up a month ago, and of webhooks that are deleted; whether there were any."""
    old = connection.execute(_FORGET, [KEPT]).rowcount
    return connection.execute(_FORGET_DELETED).rowcount + old > 0


def _tenant(connection: Connection, statement: str, id: uuid.UUID, tenant: str | None) -> str | None:
    row = connection.execute(statement.encode(), {"id": id, "tenant": tenant}).fetchone()
    return None if row is None else str(row[0])


def _secret() -> str:
    return PREFIX + secrets.token_urlsafe(SECRET_BYTES)
