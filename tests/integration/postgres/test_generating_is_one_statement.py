"""To request a report is one statement, which goes by the report as it is when it has its lock."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from andon.adapters.postgres.asks import reports
from andon.adapters.postgres.asks.requests import Ask, Asked, Conflict, NotFound
from andon.adapters.postgres.connect import Connection, connect
from andon.engine.ids import new_id
from tests.support.polling import PATIENCE, wait_until

_REPORT = """
WITH dataset AS (
    INSERT INTO andon.datasets (id, tenant, name, format, media_type, bytes, rows, columns, storage_key, sha256)
    VALUES (gen_random_uuid(), 'default', 'D', 'csv', 'text/csv', 1, 1, '[]', 'key', 'sha') RETURNING id
) INSERT INTO andon.reports (id, tenant, title, options, dataset_id) SELECT %s, 'default', 'T', '{"resamples": 1}', id
FROM dataset RETURNING dataset_id
"""
_WAITS = """
SELECT FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'andon-api' AND wait_event_type = 'Lock'
"""


@pytest.fixture
def db(database_url: str) -> Iterator[Connection]:
    """The test's own connection."""
    with connect(database_url, name="test") as connection:
        yield connection


def ask(url: str, report_id: uuid.UUID, tenant: str = "default") -> Asked:
    """Request it, on a connection of its own."""
    with connect(url, name="api") as connection:
        return reports.generate(connection, report_id, Ask(tenant, {"id": "ann"}))


def events(db: Connection) -> int:
    """How many are recorded."""
    [count] = db.execute("SELECT count(*) FROM andon.events").fetchone() or [0]
    return int(count)


def test_the_event_tells_what_is_to_be_generated(database_url: str, db: Connection) -> None:
    report_id = new_id()
    [[dataset_id]] = db.execute(_REPORT, [report_id]).fetchall()
    asked = ask(database_url, report_id)
    data = {"reportId": str(report_id), "datasetId": str(dataset_id), "options": {"resamples": 1}}
    assert (asked.events, asked.event.data, asked.flags) == ([asked.event], data, {})
    stored = db.execute('SELECT seq, id, ts, name, data, "user" FROM andon.events').fetchall()
    event = asked.event
    assert stored == [(event.seq, event.id, event.ts, "report/generation.requested", data, {"id": "ann"})]
    assert db.execute("SELECT event_seq FROM andon.outbox").fetchall() == [(event.seq,)]
    shown = db.execute("SELECT status, request_seq, request_event_id, requested_by FROM andon.subjects")
    assert shown.fetchall() == [("active", event.seq, event.id, {"id": "ann"})]
    assert db.execute("SELECT status, requested_at IS NOT NULL FROM andon.reports").fetchall() == [("generating", True)]


def test_what_can_not_be_generated_leaves_no_event(database_url: str, db: Connection) -> None:
    report_id = new_id()
    db.execute(_REPORT, [report_id])
    with pytest.raises(NotFound):
        ask(database_url, report_id, tenant="other")
    db.execute("UPDATE andon.reports SET dataset_id = NULL")
    with pytest.raises(Conflict, match="no dataset"):
        ask(database_url, report_id)
    db.execute("UPDATE andon.subjects SET status = 'active'")
    with pytest.raises(Conflict, match="already generating"):
        ask(database_url, report_id)
    assert events(db) == 0


def test_a_change_that_it_waited_for_counts(database_url: str, db: Connection) -> None:
    report_id = new_id()
    db.execute(_REPORT, [report_id])
    with ThreadPoolExecutor(1) as caller, connect(database_url, name="other") as other:
        with other.transaction():
            other.execute("UPDATE andon.reports SET options = '{\"resamples\": 2}', version = version + 1")
            asked = caller.submit(ask, database_url, report_id)
            wait_until(lambda: bool(db.execute(_WAITS).fetchall()), what="the request waits for the lock")
        assert asked.result(PATIENCE).event.data["options"] == {"resamples": 2}
    assert db.execute("SELECT status, version FROM andon.reports").fetchall() == [("generating", 3)]


def test_of_two_at_once_one_is_refused(database_url: str, db: Connection) -> None:
    report_id = new_id()
    db.execute(_REPORT, [report_id])
    with ThreadPoolExecutor(2) as callers:
        with connect(database_url, name="other") as other, other.transaction():
            other.execute("SELECT FROM andon.reports FOR UPDATE")
            both = [callers.submit(ask, database_url, report_id) for _ in range(2)]
            wait_until(lambda: len(db.execute(_WAITS).fetchall()) == 2, what="both wait for the lock")
        errors = [each.exception(10) for each in both]
    assert sorted(type(each).__name__ for each in errors) == ["Conflict", "NoneType"]
    assert events(db) == 1
