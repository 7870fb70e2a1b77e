"""A running system with a test's own view of its stores: send, look, wait."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from redis import Redis

from tests.support.ledger import Ledger
from tests.support.polling import PATIENCE, wait_until
from tests.support.system import System

STREAM = "andon:events"
GROUP = "andon"
ENDED = ("completed", "failed", "cancelled")
FUNCTIONS = "tests.functions"
# Short enough for a test to wait for; a busy machine still beats four times per lease.
QUICK = {
    "ANDON_LEASE_SECONDS": "2",
    "ANDON_HEARTBEAT_SECONDS": "0.5",
    "ANDON_STEP_GRACE_SECONDS": "1",
    "ANDON_SHUTDOWN_SECONDS": "8",
    "ANDON_LANES": "8",
    "ANDON_API_THREADS": "16",
}


class Scene:
    """What a test does with a system. `case` is the name by which events, runs and ledger entries are matched."""

    def __init__(self, system: System, database_url: str, redis_url: str, ledger: Ledger) -> None:
        self.system = system
        self.ledger = ledger
        self.api = system.client()
        self.redis = Redis.from_url(redis_url, decode_responses=True)
        self._database_url = database_url
        self._local = threading.local()
        self._connections: list[psycopg.Connection[DictRow]] = []

    def __enter__(self) -> Scene:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.api.close()
        self.redis.close()
        for each in self._connections:
            each.close()

    # --- send ----------------------------------------------------------------------------------------------------

    def xadd(self, name: str, data: Mapping[str, Any], **fields: str) -> str:
        """Put an event on the bus as any producer would."""
        entry: dict[Any, Any] = {"name": name, "data": json.dumps(data), **fields}
        return str(self.redis.xadd(STREAM, entry))

    def post(self, name: str, data: Mapping[str, Any], **headers: str) -> str:
        """Send an event by the API; returns its id."""
        answer = self.api.post("/events", json={"name": name, "data": data}, headers=headers)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["ids"][0])

    def request(self, case: str, **data: Any) -> str:
        """Ask for a walk, by the bus."""
        return self.xadd("walk/requested", {"case": case, **data})

    def cancel(self, case: str, **fields: str) -> str:
        """Cancel a walk, by the bus."""
        return self.xadd("walk/cancelled", {"case": case}, **fields)

    def report(self, **plan: Any) -> str:
        """Make an idle report with a plan for its steps; returns its id."""
        file = {"file": ("data.csv", b"day,amount\n" + b"".join(b"2026-01-%02d,%d\n" % (d, d) for d in range(1, 20)))}
        dataset = self.api.post("/datasets", files=file)
        assert dataset.status_code == 201, dataset.text
        made = self.api.post("/reports", json={"title": "Test", "datasetId": dataset.json()["id"], "options": {}})
        assert made.status_code == 201, made.text
        report_id = str(made.json()["id"])
        self.ledger.set_plan(report_id, plan)
        return report_id

    def generate(self, report_id: str) -> None:
        """Ask for a report's generation."""
        answer = self.api.post(f"/reports/{report_id}/generate")
        assert answer.status_code == 202, answer.text

    # --- look ----------------------------------------------------------------------------------------------------

    def rows(self, query: str, *values: Any) -> list[DictRow]:
        """What Postgres answers, on the calling thread's connection; one that was lost is made anew."""
        try:
            return self._connect().execute(query.encode(), values).fetchall()
        except psycopg.OperationalError:
            self._local.connection = None
            return self._connect().execute(query.encode(), values).fetchall()

    def _connect(self) -> psycopg.Connection[DictRow]:
        found: psycopg.Connection[DictRow] | None = getattr(self._local, "connection", None)
        if found is None or found.closed:
            found = psycopg.connect(self._database_url, autocommit=True, row_factory=dict_row)
            self._local.connection = found
            self._connections.append(found)
        return found

    def one(self, query: str, *values: Any) -> Any:
        """The only column of the only row."""
        [row] = self.rows(query, *values)
        [value] = row.values()
        return value

    def runs(self, case: str, kind: str = "function") -> list[DictRow]:
        """The runs of a case, oldest first."""
        return self.rows(
            "SELECT r.* FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq"
            " WHERE coalesce(e.data->>'case', e.data->>'reportId') = %s AND r.kind = %s ORDER BY r.event_seq, r.id",
            case,
            kind,
        )

    def steps(self, run_id: uuid.UUID) -> list[DictRow]:
        """A run's steps, in the order of their first call."""
        return self.rows("SELECT * FROM andon.steps WHERE run_id = %s ORDER BY position", run_id)

    def show_report(self, report_id: str) -> dict[str, Any]:
        """The report as the API shows it."""
        return dict(self.api.get(f"/reports/{report_id}").raise_for_status().json())

    @contextmanager
    def holding(self, query: str, *values: Any) -> Iterator[None]:
        """Keep the locks that this query takes for as long as the block lasts."""
        with psycopg.connect(self._database_url) as connection:
            connection.execute(query.encode(), values)
            yield
            connection.rollback()

    def pending(self) -> int:
        """How many entries were read and not acknowledged."""
        return int(self.redis.xpending(STREAM, GROUP)["pending"])

    # --- wait ----------------------------------------------------------------------------------------------------

    def wait_run(self, case: str, *statuses: str, timeout: float = PATIENCE, kind: str = "function") -> DictRow:
        """The newest run of a case, once its status is one of these (or has ended, without any)."""
        wanted = statuses or ENDED

        def look() -> DictRow | None:
            found = self.runs(case, kind)
            return found[-1] if found and found[-1]["status"] in wanted else None

        try:
            return wait_until(look, timeout)
        except AssertionError:
            raise AssertionError(
                f"the {kind} run of {case!r} was not {wanted} within {timeout:g} s: {self.runs(case, kind)}"
            ) from None

    def wait_step(self, case: str, step: str, times: int = 1, timeout: float = PATIENCE) -> None:
        """Until a step's body has begun so many times."""
        wait_until(
            lambda: len(self.ledger.begins(case, step)) >= times, timeout, what=f"begin {times} of {step} of {case}"
        )

    def wait_blocked(self, application: str, sessions: int = 1) -> None:
        """Until so many sessions of this application wait for a lock."""
        query = "SELECT 1 FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'"
        wait_until(lambda: len(self.rows(query, application)) >= sessions, PATIENCE, what=f"{application} blocked")

    def wait_leader(self) -> None:
        """Until a dispatcher leads."""
        query = "SELECT 1 FROM andon.dispatcher_leases WHERE lease_until > clock_timestamp()"
        wait_until(lambda: self.rows(query), PATIENCE, what="a dispatcher that leads")

    def wait_quiet(self, timeout: float = PATIENCE) -> None:
        """Until nothing is open: no run, no outbox row, no entry unread or unacknowledged."""

        def quiet() -> bool:
            open_rows = self.one(
                "SELECT (SELECT count(*) FROM andon.runs WHERE ended_at IS NULL)"
                " + (SELECT count(*) FROM andon.outbox) AS n"
            )
            return open_rows == 0 and self.handled()

        wait_until(quiet, timeout, what="quiet")

    def handled(self) -> bool:
        """Whether every entry on the bus was read and acknowledged."""
        last = self.redis.xrevrange(STREAM, count=1)
        if not last:
            return True
        groups: Any = self.redis.xinfo_groups(STREAM)
        return bool(groups) and groups[0]["last-delivered-id"] == last[0][0] and groups[0]["pending"] == 0


__all__ = ["FUNCTIONS", "PATIENCE", "QUICK", "Scene"]
