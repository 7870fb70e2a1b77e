"""Every revision after the first can be run while the previous release works: docs/operations.md, "Upgrading"."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

import andon.migrations
from andon.migrations.revision import HEAD, KNOWN
from tests.unit.migrations.blocking import complaints

SCRIPTS = ScriptDirectory(str(Path(andon.migrations.__file__).parent))
REVISIONS = [script for script in SCRIPTS.walk_revisions() if script.down_revision is not None]
RELEASED = re.findall(r"^## (\d+\.\d+\.\d+)", Path("CHANGELOG.md").read_text(), re.MULTILINE)


def statements(module: Any) -> str:
    """What the revision's upgrade says to Postgres."""
    output = io.StringIO()
    options = {"as_sql": True, "output_buffer": output}
    context = MigrationContext.configure(dialect_name="postgresql", opts=options)
    with Operations.context(context):
        module.upgrade()
    return output.getvalue()


def test_the_files_names_say_which_revisions_there_are() -> None:
    assert {script.revision for script in SCRIPTS.walk_revisions()} == KNOWN
    assert SCRIPTS.get_current_head() == HEAD


@pytest.mark.parametrize("script", REVISIONS, ids=lambda script: script.revision)
def test_a_revision_blocks_nobody_and_removes_nothing_in_use(script: Any) -> None:
    since = getattr(script.module, "UNUSED_SINCE", None)
    assert list(complaints(statements(script.module), unused_since=since, released=RELEASED)) == []


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX ix ON andon.runs (queue)",
        "CREATE UNIQUE INDEX ix ON andon.runs (queue)",
        "DROP INDEX andon.ix",
        "ALTER TABLE andon.runs ADD COLUMN colour TEXT NOT NULL",
        "ALTER TABLE andon.runs ADD COLUMN at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL",
        "ALTER TABLE andon.runs ALTER COLUMN lost TYPE BIGINT",
        "ALTER TABLE andon.runs ALTER COLUMN queue SET NOT NULL",
        "ALTER TABLE andon.runs ADD CONSTRAINT c CHECK (lost >= 0)",
        "ALTER TABLE andon.runs ADD CONSTRAINT f FOREIGN KEY(report_id) REFERENCES andon.reports (id)",
        "ALTER TABLE andon.runs ADD CONSTRAINT u UNIQUE (queue)",
        "ALTER TABLE andon.runs DROP COLUMN queue",
        "ALTER TABLE andon.runs RENAME COLUMN queue TO line",
        "DROP TABLE andon.outbox",
        "LOCK TABLE andon.runs",
        "CREATE TABLE andon.new (id INT);\nCREATE INDEX ix ON andon.runs (queue)",
    ],
)
def test_what_blocks_or_removes_is_refused(sql: str) -> None:
    assert len(list(complaints(sql, unused_since=None, released=["0.1.0"]))) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX CONCURRENTLY ix ON andon.runs (queue)",
        "DROP INDEX CONCURRENTLY andon.ix",
        "ALTER TABLE andon.runs ADD COLUMN colour TEXT",
        "ALTER TABLE andon.runs ADD COLUMN colour TEXT DEFAULT 'red' NOT NULL",
        "ALTER TABLE andon.runs ADD CONSTRAINT c CHECK (lost >= 0) NOT VALID",
        "ALTER TABLE andon.runs VALIDATE CONSTRAINT c",
        "ALTER TABLE andon.runs ADD CONSTRAINT u UNIQUE USING INDEX ix",
        "CREATE TABLE andon.new (id INT NOT NULL);\nCREATE INDEX ix ON andon.new (id)",
        "UPDATE andon.alembic_version SET version_num='0002' WHERE andon.alembic_version.version_num = '0001'",
    ],
)
def test_what_expands_is_let_through(sql: str) -> None:
    assert list(complaints(sql, unused_since=None, released=["0.1.0"])) == []


def test_what_a_release_has_stopped_using_may_go_in_the_next() -> None:
    sql = "ALTER TABLE andon.runs DROP COLUMN queue"
    assert not list(complaints(sql, unused_since="0.2.0", released=["0.2.0", "0.1.0"]))
    assert list(complaints(sql, unused_since="0.3.0", released=["0.2.0", "0.1.0"]))


def test_the_first_revisions_statements_are_read() -> None:
    [first] = [
        each
        for each in ScriptDirectory(str(Path(andon.migrations.__file__).parent)).walk_revisions()
        if each.down_revision is None
    ]
    assert "CREATE TABLE andon.runs" in statements(first.module)
