"""What readiness asks of Postgres, in one statement."""

from typing import NamedTuple

from andon.adapters.postgres.connect import Connection, one

_LOOK = """
SELECT (SELECT version_num FROM andon.alembic_version),
    current_setting('transaction_read_only') = 'on',
    EXISTS (SELECT FROM andon.dispatcher_leases WHERE lease_until > clock_timestamp()),
    (SELECT extract(epoch FROM clock_timestamp() - created_at)::float8 FROM andon.outbox ORDER BY event_seq LIMIT 1)
"""


class Readiness(NamedTuple):
    """The schema's revision, whether nothing can be written, whether a dispatcher leads, and for how many seconds the
    first event has waited for it.
    """

    revision: str | None
    read_only: bool
    led: bool
    oldest: float | None


def look(connection: Connection) -> Readiness:
    """Ask; raises where it doesn't answer."""
    return Readiness(*one(connection, _LOOK))
