"""Reports are subjects: known before a dispatcher has registered them, and those of the release before, too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import andon.migrations
from andon.adapters.postgres.asks import reports
from andon.adapters.postgres.asks.requests import Ask
from andon.adapters.postgres.connect import connect
from andon.adapters.postgres.subjects import astray, subject_kinds
from andon.adapters.postgres.urls import sqlalchemy_url
from andon.embedded import PostgresServer
from andon.engine.declared.functions import Registry
from andon.engine.declared.subjects import to_json
from andon.engine.ids import new_id
from andon.migrations import migrate
from andon.migrations.runner import _config
from andon.reports.events import KIND, REPORT, REQUESTED
from tests.support.databases import create, drop

REVISIONS = list(ScriptDirectory(str(Path(andon.migrations.__file__).parent)).walk_revisions())
REVISION: Any = next(each.module for each in REVISIONS if hasattr(each.module, "carry_over"))
STATES = {"generating": "active", "generated": "completed", "failed": "failed", "cancelled": "cancelled"}


def test_the_kind_is_known_as_its_function_will_register_it(database_url: str) -> None:
    said = "SELECT kind, function_id, trigger, path, row, states, numeric, deferred FROM andon.subject_kinds"
    with connect(database_url, name="test") as connection:
        before = connection.execute(said).fetchall()
        subject_kinds.register(connection, Registry.load(["andon_worker.functions.reports"]))
        assert connection.execute(said).fetchall() == before
        [(kind, _, trigger, path, row, *_)] = before
        assert (kind, trigger, path, row) == (KIND, REQUESTED, REPORT.id, to_json(REPORT)["row"])


@pytest.fixture
def release_before(postgres_server: PostgresServer) -> Iterator[str]:
    """A database as it was before this revision."""
    admin, name = postgres_server.url_of("postgres"), "andon_reports_before"
    create(admin, name, "template0")
    url = postgres_server.url_of(name)
    command.upgrade(_config(url), REVISION.down_revision)
    yield url
    drop(admin, name)


def test_what_the_release_before_knew_of_reports_their_subjects_know(release_before: str) -> None:
    made = {status: (new_id(), new_id()) for status in STATES}
    with connect(release_before, name="test") as connection:
        connection.execute(
            "INSERT INTO andon.reports (id, tenant, title) VALUES (%s, 'acme', 'never asked for')", [new_id()]
        )
        for status, (report, run) in made.items():
            connection.execute(
                "INSERT INTO andon.reports (id, tenant, title, status, request_seq, request_event_id, current_run_id,"
                " requested_by, error) VALUES (%s, 'acme', 'T', %s, 7, 'asked', %s, '\"ann\"', 'why')",
                [report, status, run],
            )
            connection.execute(
                "INSERT INTO andon.runs (id, tenant, function_id, event_seq, report_id) VALUES (%s, 'acme', %s, 7, %s)",
                [run, status, report],
            )
    migrate(release_before)
    engine = create_engine(sqlalchemy_url(release_before))
    with engine.begin() as own:
        REVISION.carry_over(own)  # again: one that was interrupted goes on
    engine.dispose()
    with connect(release_before, name="test") as connection:
        found = connection.execute(
            "SELECT s.id, s.status, s.current_run_id, r.subject_id, s.request_event_id, s.requested_by, s.error"
            " FROM andon.subjects s JOIN andon.runs r ON r.id = s.current_run_id"
        ).fetchall()
        subjects = {report: reports.of("acme", report) for report, _ in made.values()}
        assert sorted(found) == sorted(
            (subjects[report], STATES[status], run, subjects[report], "asked", "ann", "why")
            for status, (report, run) in made.items()
        )
        assert astray.find(connection, KIND) == [], "each row says what its subject does"
        report, run = made["generating"]
        asked = reports.cancel(connection, report, Ask("acme"))
        assert asked.run_id == run
        statuses = "SELECT status FROM andon.reports WHERE id = %s"
        assert connection.execute(statuses, [report]).fetchall() == [("cancelled",)]
