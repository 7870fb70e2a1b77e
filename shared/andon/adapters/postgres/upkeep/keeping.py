"""How long a tenant's things are kept, where it isn't as everybody's. `andon prune` reads it each time."""

import datetime as dt
from typing import NamedTuple

from andon.adapters.postgres.connect import Connection
from andon.engine.durations import written

SHORTEST_GRACE = dt.timedelta(hours=1)  # an upload's file is there before its row is
TOO_SHORT = "expected 1h or more: files of uploads under way are unnamed"


class Keeping(NamedTuple):
    """How long what is kept; None is as everybody's."""

    runs: dt.timedelta | None = None
    artifacts: dt.timedelta | None = None
    unused: dt.timedelta | None = None
    orphans: dt.timedelta | None = None

    def written(self) -> dict[str, str | None]:
        """As people write it: `{"runs": "90d", ...}`."""
        return {what: None if keep is None else written(keep) for what, keep in self._asdict().items()}


_COLUMNS = "tenant, runs, artifacts, unused, orphans"
_ALL = f"SELECT {_COLUMNS} FROM andon.keeping ORDER BY tenant"
_OF = f"SELECT {_COLUMNS} FROM andon.keeping WHERE tenant = %s"
_SET = f"""
INSERT INTO andon.keeping ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (tenant) DO UPDATE SET
    runs = excluded.runs, artifacts = excluded.artifacts, unused = excluded.unused, orphans = excluded.orphans
"""
_FORGET = "DELETE FROM andon.keeping WHERE tenant = %s"
_EVERYBODYS = "SELECT facts->'kept' FROM andon.maintenance WHERE name = 'prune'"


def keepings(connection: Connection) -> dict[str, Keeping]:
    """Those of the tenants that have some of their own."""
    return {tenant: Keeping(*kept) for tenant, *kept in connection.execute(_ALL).fetchall()}


def keeping_of(connection: Connection, tenant: str, *, lock: bool = False) -> Keeping:
    """The tenant's own. With `lock`, nobody else changes it until the transaction ends."""
    row = connection.execute(f"{_OF} FOR UPDATE" if lock else _OF, [tenant]).fetchone()
    return Keeping() if row is None else Keeping(*row[1:])


def everybodys(connection: Connection) -> dict[str, str | None] | None:
    """What the last prune kept of those who have nothing of their own; None until one has said so."""
    row = connection.execute(_EVERYBODYS).fetchone()
    return None if row is None else row[0]


def set_keeping(connection: Connection, tenant: str, keeping: Keeping) -> None:
    """From the next prune on; the whole of it, so that what is None is as everybody's again."""
    connection.execute(_SET, [tenant, *keeping])


def forget_keeping(connection: Connection, tenant: str) -> bool:
    """As everybody's again; False if it was."""
    return bool(connection.execute(_FORGET, [tenant]).rowcount)


def kept(what: str, tenant: str, everybody: str) -> str:
    """In SQL: how long `what` of the tenant stays. `tenant` and `everybody` are SQL as well."""
    return f"coalesce((SELECT k.{what} FROM andon.keeping k WHERE k.tenant = {tenant}), {everybody})"
