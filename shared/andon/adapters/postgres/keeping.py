"""How long a tenant's things are kept, where it isn't as everybody's. `andon prune` reads it each time."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

import psycopg


class Keeping(NamedTuple):
    """How long what is kept; None is as everybody's."""

    runs: dt.timedelta | None = None
    artifacts: dt.timedelta | None = None
    unused: dt.timedelta | None = None
    orphans: dt.timedelta | None = None


_ALL = "SELECT tenant, runs, artifacts, unused, orphans FROM andon.keeping ORDER BY tenant"
_SET = """
INSERT INTO andon.keeping (tenant, runs, artifacts, unused, orphans) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (tenant) DO UPDATE SET
    runs = excluded.runs, artifacts = excluded.artifacts, unused = excluded.unused, orphans = excluded.orphans
"""
_FORGET = "DELETE FROM andon.keeping WHERE tenant = %s"


def keepings(connection: psycopg.Connection[Any]) -> dict[str, Keeping]:
    """Those of the tenants that have some of their own."""
    return {tenant: Keeping(*kept) for tenant, *kept in connection.execute(_ALL).fetchall()}


def set_keeping(connection: psycopg.Connection[Any], tenant: str, keeping: Keeping) -> None:
    """From the next prune on; the whole of it, so that what is None is as everybody's again."""
    connection.execute(_SET, [tenant, *keeping])


def forget_keeping(connection: psycopg.Connection[Any], tenant: str) -> bool:
    """As everybody's again; False if it was."""
    return bool(connection.execute(_FORGET, [tenant]).rowcount)


def kept(what: str, tenant: str, everybody: str) -> str:
    """In SQL: how long `what` of the tenant stays. `tenant` and `everybody` are SQL as well."""
    return f"coalesce((SELECT k.{what} FROM andon.keeping k WHERE k.tenant = {tenant}), {everybody})"
