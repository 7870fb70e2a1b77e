"""The script of the component `backup`, as its pod runs it, on a real server."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from andon.adapters.checks import Health
from andon.adapters.postgres.upkeep.doctor import check_system
from andon.embedded import PostgresServer
from andon_worker.dispatcher.gauges.storage import storage_gauges
from tests.support.databases import create, drop
from tests.support.polling import wait_until

SCRIPT = Path("deploy/kustomize/components/backup/backup.sh")
DONE = "SELECT facts, finished_at FROM andon.maintenance WHERE name = 'backup'"


class Job:
    """Runs the script; its dumps are in `folder`."""

    def __init__(self, server: PostgresServer, folder: Path, url: str) -> None:
        folder.mkdir()
        self.secrets = folder.with_name("secrets")
        self.secrets.mkdir()
        self.server, self.folder, self.url = server, folder, url

    def run(self, *, keep: int = 14, url: str | None = None) -> subprocess.CompletedProcess[str]:
        (self.secrets / "ANDON_DATABASE_URL").write_text(url or self.url)
        env = {
            "PATH": f"{self.server.programs}:{os.environ['PATH']}",
            "ANDON_SECRETS": str(self.secrets),
            "BACKUPS": str(self.folder),
            "KEEP": str(keep),
        }
        return subprocess.run(["sh", str(SCRIPT)], env=env, capture_output=True, text=True, timeout=60)

    def dumps(self) -> list[Path]:
        return sorted(self.folder.iterdir())

    def recorded(self) -> tuple[Any, ...] | None:
        with psycopg.connect(self.url) as connection:
            return connection.execute(DONE).fetchone()


@pytest.fixture
def job(postgres_server: PostgresServer, database_url: str, tmp_path: Path) -> Job:
    return Job(postgres_server, tmp_path / "backups", database_url)


def test_a_dump_is_whole_can_be_restored_and_is_told_of(job: Job, postgres_server: PostgresServer) -> None:
    with psycopg.connect(job.url) as connection:
        connection.execute("INSERT INTO andon.storage_usage (tenant, files, bytes) VALUES ('acme', 1, 7)")
    done = job.run()
    assert done.returncode == 0, done.stderr
    [dump] = job.dumps()
    recorded = job.recorded()
    assert recorded is not None
    assert recorded[0] == {"file": dump.name, "bytes": dump.stat().st_size}
    assert dump.stat().st_mode & 0o077 == 0, "a dump is for nobody else"

    admin = postgres_server.url_of("postgres")
    create(admin, "restored_backup", "template0")
    try:
        url = postgres_server.url_of("restored_backup")
        restore = [str(postgres_server.programs / "pg_restore"), "--no-owner", f"--dbname={url}", str(dump)]
        assert subprocess.run(restore, capture_output=True, timeout=60).returncode == 0
        with psycopg.connect(url) as restored:
            assert restored.execute("SELECT tenant FROM andon.storage_usage").fetchall() == [("acme",)]
    finally:
        drop(admin, "restored_backup")


def test_only_the_newest_are_kept_and_what_is_not_ours_stays(job: Job) -> None:
    (job.folder / "notes.txt").write_text("mine")
    for day in ("01", "02", "03"):
        (job.folder / f"andon-202601{day}T020000Z.dump").write_text("old")
    assert job.run(keep=2).returncode == 0
    names = [each.name for each in job.dumps()]
    assert names[0] == "andon-20260103T020000Z.dump"
    assert (len(names), names[-1]) == (3, "notes.txt")


def test_a_dump_that_fails_leaves_nothing_and_is_not_told_of(job: Job) -> None:
    failed = job.run(url=job.url.rpartition("/")[0] + "/there_is_none")
    assert failed.returncode != 0
    assert job.dumps() == []
    assert job.recorded() is None


def test_one_that_never_ends_well_is_as_old_as_can_be(job: Job) -> None:
    job.folder.rmdir()
    assert job.run().returncode != 0
    with psycopg.connect(job.url) as connection:
        [sample] = {family.name: family.samples for family in storage_gauges(connection)}[
            "andon_maintenance_age_seconds"
        ]
        assert sample.value > 36 * 3600
        [check] = [each for each in check_system(connection) if each.name == "backup"]
    assert (check.health, check.found) == (Health.WARNING, "none has ended well yet")
    job.folder.mkdir()
    assert job.run().returncode == 0
    recorded = job.recorded()
    assert recorded is not None
    assert "file" in recorded[0]


def test_its_age_is_a_metric(job: Job) -> None:
    assert job.run().returncode == 0
    with psycopg.connect(job.url) as connection:

        def age() -> float:
            found = {family.name: family.samples for family in storage_gauges(connection)}
            [sample] = found["andon_maintenance_age_seconds"]
            assert sample.labels == {"name": "backup"}
            return float(sample.value)

        wait_until(lambda: age() > 0, what="an age")
