"""Files that reports had before artifacts belonged to runs: shown as before, also where the run was forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic.script import ScriptDirectory

import andon.migrations
from andon.adapters.postgres.connect import connect
from andon.engine.ids import new_id

REVISION: Any = ScriptDirectory(str(Path(andon.migrations.__file__).parent)).get_revision("0020").module
OLD = """
INSERT INTO andon.artifacts (report_id, name, run_id, key, bytes, media_type) VALUES (%s, %s, %s, 'k', 1, 't/t')
"""
SHOWN = """
SELECT a.name, r.report_id, r.status, e.name FROM andon.run_artifacts a JOIN andon.runs r ON r.id = a.run_id
JOIN andon.events e ON e.seq = r.event_seq ORDER BY a.name
"""


def test_each_has_its_run_and_each_run_its_event(database_url: str) -> None:
    report, known, forgotten = new_id(), new_id(), new_id()
    with connect(database_url, name="test") as database:
        database.execute("INSERT INTO andon.reports (id, tenant, title) VALUES (%s, 'acme', 'Sales')", [report])
        database.execute(
            "WITH e AS (INSERT INTO andon.events (tenant, id, name, data, ts) VALUES ('acme', '1', 'a/b', '{}', now())"
            " RETURNING seq) INSERT INTO andon.runs (id, tenant, function_id, event_seq, report_id, status)"
            " SELECT %s, 'acme', 'f', seq, %s, 'completed' FROM e",
            [known, report],
        )
        database.execute("ALTER TABLE andon.artifacts DISABLE TRIGGER copy_artifact")
        for name, run in (("a", known), ("b", forgotten), ("c", forgotten)):
            database.execute(OLD, [report, name, run])
        for _ in range(2):
            database.execute(REVISION.FORGOTTEN)
            database.execute(REVISION.COPY)
        asked = "report/generation.requested"
        assert database.execute(SHOWN).fetchall() == [
            ("a", report, "completed", "a/b"),
            ("b", report, "completed", asked),
            ("c", report, "completed", asked),
        ]


def test_what_a_worker_of_the_release_before_publishes_is_seen(database_url: str) -> None:
    report, run = new_id(), new_id()
    with connect(database_url, name="test") as database:
        database.execute("INSERT INTO andon.reports (id, tenant, title) VALUES (%s, 'acme', 'Sales')", [report])
        database.execute(
            "INSERT INTO andon.runs (id, tenant, function_id, event_seq) VALUES (%s, 'acme', 'f', 1)", [run]
        )
        for key in ("first", "second"):
            database.execute(
                f"{OLD} ON CONFLICT (report_id, name) DO UPDATE SET key = '{key}'", [report, "report.html", run]
            )
        found = database.execute("SELECT run_id, key FROM andon.run_artifacts").fetchall()
        assert found == [(run, "second")]
