"""A run's journal in Postgres. Each write holds the run's row lock and carries its fence.

`INSERT ... WHERE fence = n` alone would let a former holder commit after the new one has read the memos: so the row
is locked `FOR SHARE` in the same statement, and the new holder's claim waits for it.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import psycopg
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from andon.adapters.postgres.database import Database
from andon.adapters.postgres.statements import Statement
from andon.adapters.postgres.statuses import HELD
from andon.adapters.postgres.together import Together
from andon.engine.errors import Cancelled, InvalidResult, LeaseLost
from andon.engine.stops import Cause, StopSignal

_HOLD = f"""
SELECT id, cancel_requested_at IS NOT NULL AS cancelled FROM andon.runs
WHERE id = %(run)s AND fence = %(fence)s AND status IN {HELD} FOR SHARE
"""

_OR_REPLACE = """
ON CONFLICT (run_id, id) DO UPDATE SET status = 'completed', attempt = excluded.attempt, fence = excluded.fence,
    started_at = CASE WHEN s.status = 'sleeping' THEN s.started_at ELSE excluded.started_at END,
    ended_at = excluded.ended_at, output = excluded.output, error = NULL, wake_at = NULL
WHERE s.status <> 'completed' OR s.fence = excluded.fence
"""

_COMPLETE = Statement(f"""
WITH held AS ({_HOLD})
INSERT INTO andon.steps AS s (run_id, id, position, status, attempt, fence, started_at, ended_at, output)
SELECT held.id, %(name)s, %(position)s, 'completed', %(attempt)s, %(fence)s,
    clock_timestamp() - %(seconds)s * interval '1 s', clock_timestamp(), %(output)s::json
FROM held WHERE NOT held.cancelled {_OR_REPLACE}
RETURNING 1
""")

# The same for several runs, none of which it waits for: a run whose row somebody changes now is left out.
_COMPLETE_TOGETHER = Statement(f"""
WITH kept AS (
    SELECT k.* FROM json_to_recordset(%(kept)s::json) AS k
        (run uuid, fence bigint, name text, position int, attempt int, seconds float8, output text)
)
INSERT INTO andon.steps AS s (run_id, id, position, status, attempt, fence, started_at, ended_at, output)
SELECT k.run, k.name, k.position, 'completed', k.attempt, k.fence,
    clock_timestamp() - k.seconds * interval '1 s', clock_timestamp(), k.output::json
FROM kept k, LATERAL (
    SELECT FROM andon.runs r WHERE r.id = k.run AND r.fence = k.fence AND r.status IN {HELD}
        AND r.cancel_requested_at IS NULL FOR SHARE SKIP LOCKED) held {_OR_REPLACE}
RETURNING run_id
""")

_FAIL = Statement(f"""
WITH held AS ({_HOLD})
INSERT INTO andon.steps AS s (run_id, id, position, status, attempt, fence, started_at, ended_at, error)
SELECT held.id, %(name)s, %(position)s, %(status)s, %(attempt)s, %(fence)s,
    clock_timestamp() - %(seconds)s * interval '1 s', clock_timestamp(), %(error)s::jsonb
FROM held
ON CONFLICT (run_id, id) DO UPDATE SET status = excluded.status, attempt = excluded.attempt,
    fence = excluded.fence, started_at = excluded.started_at, ended_at = excluded.ended_at, error = excluded.error
WHERE s.status <> 'completed'
RETURNING 1
""")

_SLEEP = Statement(f"""
WITH held AS ({_HOLD})
INSERT INTO andon.steps AS s (run_id, id, position, status, attempt, fence, started_at, wake_at)
SELECT held.id, %(name)s, %(position)s, 'sleeping', 1, %(fence)s, clock_timestamp(),
    coalesce(%(until)s::timestamptz, clock_timestamp() + %(seconds)s::float8 * interval '1 s')
FROM held
ON CONFLICT (run_id, id) DO UPDATE SET fence = excluded.fence
RETURNING wake_at
""")


_STORED = "SELECT coalesce(sum(octet_length(output::text)), 0) FROM andon.steps WHERE run_id = %(run)s"

RESULTS_LIMIT_BYTES = 64 * 1024 * 1024
UNCOUNTED_BYTES = 1024 * 1024  # of results that were kept before, nobody is asked for the sake of so few


class Completed(NamedTuple):
    """A step's result, as it is written with those of other runs. `output` is a JSON text."""

    run: str
    fence: int
    name: str
    position: int
    attempt: int
    seconds: float
    output: str


def complete_together(database: Database) -> Together[Completed, bool]:
    """Writes the results that all runs of this process have at the same time; answers whether each was kept."""

    def write(completed: Sequence[Completed]) -> list[bool]:
        text = json.dumps([each._asdict() for each in completed])
        rows = database.run(lambda connection: _COMPLETE_TOGETHER.execute(connection, {"kept": text}).fetchall())
        kept = {str(run_id) for (run_id,) in rows}
        return [each.run in kept for each in completed]

    return Together(write)


class PostgresJournal:
    """What one run remembers, written through its worker thread's connection."""

    def __init__(
        self,
        database: Database,
        sessions: Callable[[], Engine],
        together: Together[Completed, bool],
        run_id: uuid.UUID,
        fence: int,
        stop: StopSignal,
        *,
        results_limit_bytes: int = RESULTS_LIMIT_BYTES,
    ) -> None:
        self._database = database
        self._together = together
        self._sessions = sessions
        self._run: dict[str, Any] = {"run": run_id, "fence": fence}
        self._stop = stop
        self._most = results_limit_bytes
        self._kept_bytes = 0
        self._counted = False
        self.clear_at = -math.inf
        """When a result was last kept, which shows that the run was not cancelled then; on the monotonic clock."""

    def _write(self, statement: Statement, values: dict[str, Any]) -> tuple[Any, ...] | None:
        """One durable write; waits while the database is away, unless the run is lost meanwhile."""
        return self._database.insist(
            lambda connection: statement.execute(connection, {**self._run, **values}).fetchone(),
            give_up=lambda: self._stop.cause == Cause.LEASE_LOST,
        )

    def complete(self, name: str, position: int, attempt: int, seconds: float, output: str) -> bool:
        """Keep a step's result; returns whether a cancel came first, in which case nothing was kept.

        Raises `InvalidResult` where the run's results would be too much together.
        """
        self._count(name, output, lambda: self._database.insist(self._stored))
        completed = Completed(str(self._run["run"]), self._run["fence"], name, position, attempt, seconds, output)
        with suppress(psycopg.Error):
            if self._together(completed):
                self.clear_at = time.monotonic()
                return False
        values = {"name": name, "position": position, "attempt": attempt, "seconds": seconds, "output": output}
        return self._write(_COMPLETE, values) is None and self._is_cancelled()

    def fail(
        self, name: str, position: int, attempt: int, seconds: float, error: dict[str, Any], *, final: bool
    ) -> None:
        """Keep a step's failed attempt."""
        values = {
            "name": name,
            "position": position,
            "attempt": attempt,
            "seconds": seconds,
            "status": "failed" if final else "retrying",
            "error": json.dumps(error),
        }
        if self._write(_FAIL, values) is None:
            self._is_cancelled()

    def sleep(self, name: str, position: int, *, seconds: float | None, until: dt.datetime | None) -> dt.datetime:
        """Keep when a sleeping step wakes."""
        row = self._write(_SLEEP, {"name": name, "position": position, "seconds": seconds, "until": until})
        if row is None:
            raise LeaseLost
        wake_at: dt.datetime = row[0]
        return wake_at

    def transaction(
        self,
        name: str,
        position: int,
        attempt: int,
        fn: Callable[[Any], Any],
        encode: Callable[[Any], str],
        stop: StopSignal,
    ) -> str:
        """Call `fn(session)`, then check fence and cancel and keep the result, all in one transaction."""
        began = time.monotonic()
        with self._sessions().connect() as connection, connection.begin(), _joined(connection) as session:
            raw = connection.connection.driver_connection
            if not isinstance(raw, psycopg.Connection):
                raise TypeError(f"step.transaction needs psycopg, not {type(raw).__name__}")
            query = _Query(raw)
            stop.watch(query)
            try:
                text = encode(fn(session))
                self._count(name, text, lambda: self._stored(raw))
                session.commit()
                values = {"name": name, "position": position, "attempt": attempt, "output": text}
                kept = _COMPLETE.execute(raw, {**self._run, **values, "seconds": time.monotonic() - began})
                if kept.fetchone() is None:
                    self._raise_why(raw)
            except DBAPIError:
                if stop.cause == Cause.CANCELLED:
                    raise Cancelled(name) from None
                raise
            finally:
                query.ended = True
                stop.watch(None)
        return text

    def _count(self, name: str, output: str, stored: Callable[[], int]) -> None:
        """Count a result, and refuse it where the run has enough. `stored` tells how much of it is kept so far."""
        size = len(output) if output.isascii() else len(output.encode())
        if not self._counted and self._kept_bytes + size > min(UNCOUNTED_BYTES, self._most):
            self._kept_bytes, self._counted = stored(), True
        if self._kept_bytes + size > self._most:
            raise InvalidResult(
                name,
                f"Step {name!r} returned {size:,} bytes of JSON, and the run has {self._kept_bytes:,} already: at most "
                f"{self._most:,} are kept (ANDON_RESULTS_LIMIT_BYTES); store it as an artifact and return its key",
            )
        self._kept_bytes += size

    def _stored(self, connection: psycopg.Connection[Any]) -> int:
        row = connection.execute(_STORED, self._run).fetchone()
        return 0 if row is None else int(row[0])

    def _is_cancelled(self) -> bool:
        """Why a write hit no row: True for a cancel; `LeaseLost` if the fence has moved."""
        row = self._database.insist(lambda connection: connection.execute(_HOLD, self._run).fetchone())
        if row is None:
            raise LeaseLost
        return bool(row[1])

    def _raise_why(self, connection: psycopg.Connection[Any]) -> None:
        row = connection.execute(_HOLD, self._run).fetchone()
        if row is None:
            raise LeaseLost
        raise Cancelled


def _joined(connection: Connection) -> Session:
    """A session inside the connection's transaction: what `fn` commits or rolls back is a savepoint of it."""
    return Session(connection, join_transaction_mode="create_savepoint")


class _Query:
    """A connection's running statement, as something to interrupt: by the driver's cancel."""

    deadline: float | None = None
    is_prompt = False

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self.ended = False

    def interrupt(self) -> None:
        """Ask the server to end the statement under way."""
        self._connection.cancel_safe(timeout=2.0)
