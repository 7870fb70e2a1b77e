"""Connections: psycopg for the hot statements, SQLAlchemy where a model is pleasanter than SQL."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import TupleRow

Connection = psycopg.Connection[TupleRow]

OPTIONS: dict[str, Any] = {
    "connect_timeout": 5,
    # A half-open TCP connection is noticed within ten seconds, not after the kernel's two hours.
    "keepalives_idle": 3,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 9000,
}


def connect(url: str, *, name: str) -> Connection:
    """An autocommit connection that prepares every statement at its first use and shows as `name`."""
    connection = psycopg.connect(url, autocommit=True, application_name=f"andon-{name}", prepare_threshold=0, **OPTIONS)
    connection.execute("SET search_path TO andon, public")
    return connection


def sqlalchemy_url(url: str) -> str:
    """`url` as SQLAlchemy reads it: with psycopg as the driver."""
    scheme, _, rest = url.partition("://")
    return f"{'postgresql+psycopg' if scheme in {'postgres', 'postgresql'} else scheme}://{rest}"
