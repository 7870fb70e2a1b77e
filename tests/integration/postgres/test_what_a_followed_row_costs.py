"""What a run's end costs beside what follows it: nothing, a subject, a row of a team's table, a report. With `-s`."""

from __future__ import annotations

import statistics
import time
import uuid
from typing import Any

import psycopg
import pytest

from andon import Event
from andon.adapters.cel import check_expression
from andon.adapters.postgres.cancels import wide
from andon.adapters.postgres.connect import connect
from andon.adapters.postgres.events import inbox
from andon.adapters.postgres.events.own_events import WideCancel
from andon.adapters.postgres.registered import functions
from andon.adapters.postgres.runs.settle import End, make_ends, settle_held
from andon.engine.declared.functions import Registry
from andon.engine.declared.subjects import subject_id
from andon.engine.ids import new_id
from tests import row_functions

pytestmark = pytest.mark.slow

ENDS = 1_000
MANY = 10_000
FOLLOWED = {"none": None, "subject": "job", "row": "export", "report": "report"}
MADE = """
WITH w AS (SELECT * FROM unnest(%s::uuid[], %s::text[], %s::uuid[]) WITH ORDINALITY w (run, key, subject, n)),
event AS (
    INSERT INTO andon.events (tenant, id, name, data, ts)
    SELECT 'default', gen_random_uuid()::text, 'a/b', '{}', now() FROM w RETURNING seq
), subject AS (
    INSERT INTO andon.subjects (id, tenant, kind, key, status, request_seq, current_run_id)
    SELECT subject, 'default', %s, key, 'active', 1, run FROM w WHERE subject IS NOT NULL
)
INSERT INTO andon.runs (id, tenant, function_id, event_seq, subject_id, status, fence, lease_until)
SELECT run, 'default', 'f', seq, subject, %s, 1, now() + interval '1 hour'
FROM w JOIN (SELECT seq, row_number() OVER () AS n FROM event) e USING (n)
"""


@pytest.fixture
def database(database_url: str) -> Any:
    with connect(database_url, name="test") as connection:
        connection.execute(row_functions.TABLE)
        functions.register(connection, Registry([row_functions.make_export], check_expression=check_expression))
        yield connection


def make(database: psycopg.Connection[Any], kind: str | None, number: int, status: str) -> list[uuid.UUID]:
    """So many runs, each about a subject of its own; the row or the report is there."""
    keys = [str(new_id()) for _ in range(number)]
    if kind == "export":
        database.execute("INSERT INTO public.exports (id, status) SELECT unnest(%s::text[]), 'generating'", [keys])
    if kind == "report":
        database.execute(
            "INSERT INTO andon.reports (id, tenant, title, status)"
            " SELECT unnest(%s::uuid[]), 'default', 'T', 'generating'",
            [keys],
        )
    runs = [new_id() for _ in range(number)]
    subjects = [kind and subject_id("default", kind, key) for key in keys]
    database.execute(MADE, [runs, keys, subjects, kind or "", status])
    database.execute("ANALYZE")
    return runs


def test_the_end_of_one_run(database: psycopg.Connection[Any]) -> None:
    taken: dict[str, list[float]] = {name: [] for name in FOLLOWED}
    runs = {name: make(database, kind, ENDS, "running") for name, kind in FOLLOWED.items()}
    for turn in range(ENDS):
        for name in FOLLOWED:
            began = time.perf_counter()
            assert settle_held(database, [End(runs[name][turn], 1, "completed")])
            taken[name].append(1000 * (time.perf_counter() - began))
    rows = database.execute("SELECT status, count(*) FROM public.exports GROUP BY 1").fetchall()
    assert rows == [("generated", ENDS)]
    for name, each in taken.items():
        cuts = statistics.quantiles(each, n=100)
        print(f"{name}: p50 {cuts[49]:.2f}, p95 {cuts[94]:.2f}, p99 {cuts[98]:.2f} ms")


@pytest.mark.parametrize("name", ["none", "subject", "row"])
def test_a_bulk_cancel_of_ten_thousand(database: psycopg.Connection[Any], name: str) -> None:
    make(database, FOLLOWED[name], MANY, "queued")
    event: Event[Any] = Event("andon/runs.cancelled", {}, id=str(uuid.uuid4()))
    began = time.perf_counter()
    with database.transaction():
        [accepted] = inbox.accept(database, [event])
        wide.store(database, accepted, WideCancel("f"))
    while True:
        with database.transaction():
            if wide.sweep(database) is None:
                break
    settled = time.perf_counter() - began
    while make_ends(database):
        pass
    told = time.perf_counter() - began
    assert database.execute("SELECT status, count(*) FROM andon.runs GROUP BY 1").fetchall() == [("cancelled", MANY)]
    if name == "row":
        assert database.execute("SELECT DISTINCT status FROM public.exports").fetchall() == [("cancelled",)]
    print(f"{name}: all are cancelled after {settled:.1f} s, told after {told:.1f} s")
