"""Reports are subjects: known before a dispatcher has registered them, and those of the release before, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import andon.migrations
from andon.adapters.postgres.asks import reports
from andon.adapters.postgres.connect import connect, sqlalchemy_url
from andon.adapters.postgres.subjects import subject_kinds
from andon.engine.declared.functions import Registry
from andon.engine.declared.subjects import to_json
from andon.engine.ids import new_id
from andon.reports.events import KIND, REPORT, REQUESTED

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


def test_what_the_release_before_knew_of_reports_their_subjects_know(database_url: str) -> None:
    made = {status: (new_id(), new_id()) for status in STATES}
    with connect(database_url, name="test") as connection:
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
        engine = create_engine(sqlalchemy_url(database_url))
        for _ in range(2):
            with engine.begin() as own:
                REVISION.carry_over(own)
        engine.dispose()
        found = connection.execute(
            "SELECT s.id, s.status, s.current_run_id, r.subject_id, s.request_event_id, s.requested_by, s.error"
            " FROM andon.subjects s JOIN andon.runs r ON r.id = s.current_run_id"
        ).fetchall()
    subjects = {report: reports.of("acme", report) for report, _ in made.values()}
    assert sorted(found) == sorted(
        (subjects[report], STATES[status], run, subjects[report], "asked", "ann", "why")
        for status, (report, run) in made.items()
    )
