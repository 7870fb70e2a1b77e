"""`step.transaction`: a function's writes and its step's result in one transaction, on the lane's own connection."""

import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import psycopg
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import Session

from andon.adapters.postgres.connect import OPTIONS
from andon.adapters.postgres.runs.journal import COMPLETE, HOLD
from andon.adapters.postgres.urls import sqlalchemy_url
from andon.engine.errors import Cancelled, LeaseLost
from andon.engine.ports import Attempt

CANCEL_SECONDS = 2.0
Interruptible = Callable[[Callable[[], object]], AbstractContextManager[None]]


def step_engine(database_url: str) -> Engine:
    """The SQLAlchemy engine of a process that runs one step at a time."""
    made = create_engine(
        sqlalchemy_url(database_url),
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={"application_name": "andon-step", **OPTIONS},
    )
    event.listen(made, "begin", _bound)
    return made


def _bound(connection: Connection) -> None:
    """What a function's transaction has locked is not locked for ever, and ends with a client that was killed, also in
    the middle of a statement. Said in each, for a pooler's sake.
    """
    connection.exec_driver_sql(
        "SELECT set_config('idle_in_transaction_session_timeout', '60s', true), "
        "set_config('client_connection_check_interval', '500', true)"
    )


def transact(
    engine: Engine,
    run_id: str,
    fence: int,
    attempt: Attempt,
    fn: Callable[[Any], Any],
    encode: Callable[[Any], str],
    interruptible: Interruptible,
) -> str:
    """Call `fn(session)`, then check fence and cancel and keep the result, all in one transaction.

    Returns the JSON text that was kept. When the code is stopped, the statement under way is cancelled at the server.
    """
    began = time.monotonic()
    run = {"run": uuid.UUID(run_id), "fence": fence}
    with engine.connect() as connection, connection.begin(), _joined(connection) as session:
        raw = connection.connection.driver_connection
        if not isinstance(raw, psycopg.Connection):
            raise TypeError(f"step.transaction needs psycopg, not {type(raw).__name__}")
        with interruptible(lambda: raw.cancel_safe(timeout=CANCEL_SECONDS)):
            text = encode(fn(session))
            session.commit()
            values = {"name": attempt.name, "position": attempt.position, "attempt": attempt.number, "output": text}
            values["input"] = attempt.given or None
            kept = COMPLETE.execute(raw, {**run, **values, "seconds": time.monotonic() - began})
            if kept.fetchone() is None:
                raise LeaseLost if HOLD.execute(raw, run).fetchone() is None else Cancelled
    return text


def _joined(connection: Connection) -> Session:
    """A session inside the connection's transaction: what `fn` commits or rolls back is a savepoint of it."""
    return Session(connection, join_transaction_mode="create_savepoint")
