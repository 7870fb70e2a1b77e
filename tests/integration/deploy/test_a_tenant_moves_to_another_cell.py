"""The commands of docs/scale.md that copy a tenant's rows into another cell: all of them, and nobody else's."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg

from andon.adapters.postgres.asks import reports as stored
from andon.adapters.postgres.asks.requests import Ask
from andon.adapters.postgres.connect import connect
from andon.adapters.postgres.models import Run
from andon.embedded import PostgresServer
from andon.engine.declared.functions import Registry
from andon.engine.ids import new_id
from andon_worker.dispatcher.batches.batch import record_batch

PAGE = Path(__file__).resolve().parents[3] / "docs" / "scale.md"
_TENANT = """
INSERT INTO andon.api_keys (id, tenant, name, sha256, scopes)
    VALUES (gen_random_uuid(), %(tenant)s, 'key', sha256(%(tenant)s::bytea), '{read}');
INSERT INTO andon.keeping (tenant, runs) VALUES (%(tenant)s, '7 days');
INSERT INTO andon.pauses (tenant, kind, name) VALUES (%(tenant)s, 'function', 'f');
WITH made AS (INSERT INTO andon.webhooks (id, tenant, url)
    VALUES (gen_random_uuid(), %(tenant)s, 'https://app.example') RETURNING id)
INSERT INTO andon.webhook_secrets (webhook_id, secret) SELECT id, %(tenant)s FROM made;
INSERT INTO andon.datasets (id, tenant, name, format, media_type, bytes, rows, columns, storage_key, sha256)
    VALUES (%(dataset)s, %(tenant)s, 'D', 'csv', 'text/csv', 1, 1, '[]', %(tenant)s || '/d', 'sha');
INSERT INTO andon.reports (id, tenant, title, dataset_id, status, completed_at)
    VALUES (%(report)s, %(tenant)s, 'Tab\there, "quoted"', %(dataset)s, 'generated', now());
INSERT INTO andon.subjects (id, tenant, kind, key, status, request_seq, current_run_id, completed_at)
    VALUES (%(subject)s, %(tenant)s, 'report', %(report)s::text, 'completed', 123456789, gen_random_uuid(), now());
WITH asked AS (
    INSERT INTO andon.events (tenant, id, name, data, ts)
    SELECT %(tenant)s, n::text, 'report/generation.requested', '{}', now() FROM generate_series(1, 2) n RETURNING seq
), made AS (
    INSERT INTO andon.runs (id, tenant, function_id, event_seq, subject_id, status, ended_at)
    SELECT gen_random_uuid(), %(tenant)s, 'f', seq, %(subject)s, 'completed', now() FROM asked RETURNING id, event_seq
)
INSERT INTO andon.run_artifacts (run_id, name, step, key, bytes, media_type)
    SELECT id, 'report.html', 's', %(tenant)s || event_seq, 1, 'text/html' FROM made
"""


# Of a run, what doesn't go along: only a report's newest run that has completed does, for its files.
_LEFT = """
kind parent_run_id report_id queue fence worker_id lease_until lost lost_step sent_at wake_at current_step
step_started_at progress_note estimated_end_at output error cancel_requested_at cancel_requested_by cancel_reason
cancel_event_id cancel_event_seq cancel_stopped_at cancel_deadline_at forced rules line turn door door_order
gate_keys parent_step awaits_children cancel_cause start_by finish_by debounce_key origin_run_id origin_step
"""


def commands() -> str:
    """The shell commands of the page."""
    [found] = re.findall(r"```sh\n( *tenant=.*?)```", PAGE.read_text(), re.DOTALL)
    return str(found)


def test_the_pages_commands_copy_a_tenant_whole_and_nobody_else(
    create_database: Callable[[], str], postgres_server: PostgresServer
) -> None:
    old, new = create_database(), create_database()
    reports = {tenant: new_id() for tenant in ("acme", "other")}
    with psycopg.connect(old, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        for tenant, report in reports.items():
            subject = stored.of(tenant, report)
            values = {"tenant": tenant, "report": report, "subject": subject, "dataset": new_id()}
            connection.execute(_TENANT, values)
    env = {**os.environ, "OLD": old, "NEW": new, "PATH": f"{postgres_server.programs}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-e", "-c", commands()], env=env, check=True)

    with connect(new, name="test") as connection:
        for table in ("api_keys", "datasets", "reports", "subjects", "keeping", "pauses", "webhooks"):
            found = connection.execute(f"SELECT tenant FROM andon.{table}").fetchall()
            assert found == [("acme",)], table
        assert connection.execute("SELECT secret FROM andon.webhook_secrets").fetchall() == [("acme",)]
        shown = "SELECT r.subject_id, a.key FROM andon.run_artifacts a JOIN andon.runs r ON r.id = a.run_id"
        newest = "SELECT 'acme' || max(seq) FROM andon.events WHERE tenant = 'acme'"
        with connect(old, name="test") as there:
            [(key,)] = there.execute(newest).fetchall()
        assert connection.execute(shown).fetchall() == [(stored.of("acme", reports["acme"]), key)]
        row = connection.execute("SELECT title, status FROM andon.reports").fetchone()
        assert row == ('Tab\there, "quoted"', "generated")

        asked = stored.generate(connection, reports["acme"], Ask("acme"))
        with connection.transaction():
            effects = record_batch(connection, Registry.load(["tests.functions"]), asked.events, [None])
        [(run_id, _)] = effects.started
        follows = connection.execute("SELECT current_run_id, status FROM andon.subjects").fetchone()
        assert follows == (run_id, "active"), "the old cell's numbers don't count here"


def test_of_each_column_of_a_run_it_is_known_whether_it_goes_along() -> None:
    [copied] = re.findall(r'run="([^"]*)"', commands())
    along = {"id", "tenant", "function_id", "event_seq", *copied.split(", ")}
    assert along | {*_LEFT.split()} == {column.name for column in Run.__table__.columns}
