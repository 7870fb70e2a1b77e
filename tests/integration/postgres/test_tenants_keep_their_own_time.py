"""Retention of a tenant's own: less than everybody's, or more, and nobody else's."""

from __future__ import annotations

import datetime as dt
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.upkeep.files import forget_datasets, withdraw_artifacts
from andon.adapters.postgres.upkeep.keeping import Keeping, keepings, set_keeping
from andon.adapters.postgres.upkeep.retention import Pruning
from andon.adapters.storage import Storage
from andon.adapters.sweeping import sweep
from andon.engine.ids import new_id
from tests.integration.cli.conftest import Command

DAY = dt.timedelta(days=1)
MONTH, QUARTER = 30 * DAY, 90 * DAY
BRIEF, PATIENT, OTHER = "brief", "patient", "other"


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    with connect(database_url, name="test") as connection:
        yield connection


@pytest.fixture
def own(database: Connection) -> None:
    """One tenant that keeps a week, and one that keeps a year."""
    for tenant, keep in ((BRIEF, 7 * DAY), (PATIENT, 365 * DAY)):
        set_keeping(database, tenant, Keeping(keep, keep, keep, keep))


def run(database: Connection, tenant: str, age: dt.timedelta, *, artifact: bool = False) -> uuid.UUID:
    """A run that ended so long ago, whose artifact is as old."""
    id = uuid.UUID(int=int((time.time() - (age + DAY).total_seconds()) * 1000) << 80 | uuid.uuid4().int >> 48)
    database.execute(
        "INSERT INTO andon.runs (id, tenant, function_id, event_seq, status, ended_at)"
        " VALUES (%s, %s, %s, 1, 'completed', clock_timestamp() - %s)",
        [id, tenant, str(id), age],
    )
    if artifact:
        database.execute(
            "INSERT INTO andon.run_artifacts (run_id, name, step, key, bytes, media_type, created_at)"
            " VALUES (%s, 'report.pdf', 's', %s, 7, 'application/pdf', clock_timestamp() - %s)",
            [id, f"{tenant}/{id}", age],
        )
    return id


def dataset(database: Connection, tenant: str, age: dt.timedelta) -> uuid.UUID:
    id = new_id()
    database.execute(
        "INSERT INTO andon.datasets (id, tenant, name, format, media_type, bytes, rows, columns, storage_key, sha256,"
        " created_at) VALUES (%s, %s, 'a.csv', 'csv', 'text/csv', 7, 1, '[]', %s, 'x', clock_timestamp() - %s)",
        [id, tenant, f"{tenant}/{id}", age],
    )
    return id


def left(database: Connection, table: str, column: str = "id") -> set[uuid.UUID]:
    return {id for (id,) in database.execute(f"SELECT {column} FROM andon.{table}".encode())}


@pytest.mark.usefixtures("own")
def test_runs_stay_as_long_as_their_tenant_keeps_them(database: Connection) -> None:
    kept = {run(database, tenant, 5 * DAY) for tenant in (BRIEF, PATIENT, OTHER)}
    kept |= {run(database, OTHER, 20 * DAY), run(database, PATIENT, 200 * DAY)}
    for tenant, age in ((BRIEF, 8), (BRIEF, 20), (BRIEF, 200), (OTHER, 40), (PATIENT, 400)):
        run(database, tenant, age * DAY)
    told: list[int] = []
    gone = Pruning(database, batch=2, deleted=lambda what, count: told.append(count)).runs(MONTH)
    assert left(database, "runs") == kept
    assert gone == {BRIEF: 3, OTHER: 1, PATIENT: 1}
    assert sum(told) == 5


@pytest.mark.usefixtures("own")
def test_datasets_and_artifacts_too(database: Connection) -> None:
    uploads = {dataset(database, *each) for each in ((BRIEF, 5 * DAY), (OTHER, 80 * DAY), (PATIENT, 200 * DAY))}
    runs = {run(database, *each, artifact=True) for each in ((BRIEF, 5 * DAY), (OTHER, 80 * DAY), (PATIENT, 200 * DAY))}
    for tenant, age in ((BRIEF, 8), (OTHER, 100), (PATIENT, 400)):
        dataset(database, tenant, age * DAY)
        run(database, tenant, age * DAY, artifact=True)
    assert forget_datasets(database, QUARTER, batch=1) == {BRIEF: 1, OTHER: 1, PATIENT: 1}
    assert withdraw_artifacts(database, QUARTER, batch=1) == {BRIEF: 1, OTHER: 1, PATIENT: 1}
    assert left(database, "datasets") == uploads
    assert left(database, "run_artifacts", "run_id") == runs


@pytest.mark.usefixtures("own")
def test_where_everybody_keeps_artifacts_for_ever_a_tenants_own_still_ends(database: Connection) -> None:
    kept = {run(database, OTHER, 900 * DAY, artifact=True)}
    run(database, BRIEF, 8 * DAY, artifact=True)
    assert withdraw_artifacts(database, None, batch=10) == {BRIEF: 1}
    assert left(database, "run_artifacts", "run_id") == kept


@pytest.mark.usefixtures("own")
def test_what_uploads_left_goes_when_its_tenant_says(database: Connection, tmp_path: Path) -> None:
    storage = Storage(f"file://{tmp_path / 'storage'}")
    content = tmp_path / "content"
    content.write_bytes(b"content")
    for tenant, days in ((BRIEF, 8), (OTHER, 8), (PATIENT, 8), (BRIEF, 5), (PATIENT, 400)):
        key = f"{tenant}/datasets/{new_id()}/{days}.csv"
        storage.put_file(content, key)
        then = time.time() - days * 86400
        os.utime(tmp_path / "storage" / key, (then, then))
    swept = sweep(storage, database, grace=30 * DAY)
    assert swept.gone == {BRIEF: (1, 7), PATIENT: (1, 7)}
    assert {tenant: usage.files for tenant, usage in swept.kept.items()} == {BRIEF: 1, OTHER: 1, PATIENT: 1}


def test_it_is_set_told_audited_and_taken_back(database: Connection, database_url: str, redis_url: str) -> None:
    andon = Command({"ANDON_DATABASE_URL": database_url, "ANDON_REDIS_URL": redis_url})
    refused = andon("keeping", "set", BRIEF)
    assert (refused.code, "--keep-runs, --keep-artifacts, --keep-unused, --keep-orphans" in refused.err) == (2, True)
    assert "1h or more" in andon("keeping", "set", BRIEF, "--keep-orphans", "5m").err
    assert andon("keeping", "set", BRIEF, "--keep-runs", "7d", "--keep-unused", "36h").code == 0
    expected = Keeping(runs=7 * DAY, unused=dt.timedelta(hours=36))
    assert keepings(database) == {BRIEF: expected}
    assert andon("keeping", "list", "--json").json == [
        {"tenant": BRIEF, "runs": "7d", "artifacts": None, "unused": "36h", "orphans": None}
    ]
    run(database, BRIEF, 8 * DAY)
    run(database, OTHER, 40 * DAY)
    pruned = andon("prune")
    assert "runs               2 deleted" in pruned.out
    assert "brief, by its own  1 runs" in pruned.out
    assert andon("keeping", "forget", BRIEF).code == 0
    assert andon("keeping", "forget", BRIEF).code == 3
    assert keepings(database) == {}
    audited = database.execute("SELECT tenant, action, target FROM andon.audit ORDER BY id").fetchall()
    assert audited == [(BRIEF, "keeping.set", BRIEF), (BRIEF, "keeping.forgotten", BRIEF)]
