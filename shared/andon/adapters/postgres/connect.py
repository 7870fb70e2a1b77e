"""Connections of psycopg, what those have that take locks, and values as statements take them."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
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

# Settings of a transaction that takes locks. Whoever takes the first one selects this with it, for this transaction
# alone: behind a pooler the session is another client's afterwards. A process that is frozen in a transaction, or whose
# node is gone, must not keep its locks: subjects' block the dispatcher, and the dispatcher's block the next one. And
# the statements that follow find rows by their keys, so one plan fits all values; left alone, the server plans each of
# them five times on every connection, which takes longer than to execute it.
LOCKING = (
    "set_config('idle_in_transaction_session_timeout', '5s', true) || "
    "set_config('plan_cache_mode', 'force_generic_plan', true)"
)

# A plan that is made once must suit the table that will be, not the one that is: of a new database's tables, which are
# empty, the server would plan to read all, and do so at every run's end until it has counted them.
_PLANS = "SET plan_cache_mode TO force_generic_plan; SET enable_seqscan TO off; SET jit TO off"


def one(connection: Connection, statement: str, values: Mapping[str, Any] | Sequence[Any] | None = None) -> TupleRow:
    """The row of a statement that always has one: it counts, or selects values."""
    row = connection.execute(statement, values).fetchone()
    assert row is not None, statement
    return row


def now(connection: Connection) -> dt.datetime:
    """The database's clock."""
    moment: dt.datetime = one(connection, "SELECT clock_timestamp()")[0]
    return moment


def columns(rows: Iterable[Iterable[Any]]) -> list[list[Any]]:
    """Rows as a list for each of their columns, which `unnest` makes rows of again."""
    return [list(column) for column in zip(*rows, strict=True)]


def json_text(value: Any) -> str | None:
    """A value as JSON, and None as SQL's null."""
    return None if value is None else json.dumps(value)


def connect(url: str, *, name: str) -> Connection:
    """An autocommit connection that prepares every statement at its first use and shows as `name`."""
    connection = psycopg.connect(url, autocommit=True, application_name=f"andon-{name}", prepare_threshold=0, **OPTIONS)
    connection.execute(_PLANS, prepare=False)
    return connection
