"""`deploy/postgres/roles.sql` on a real server: a system works with a role for each process, and none can do more."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from andon.adapters.postgres import webhooks
from andon.adapters.postgres.events.known_tenants import known_tenants
from andon.embedded import PostgresServer
from andon.migrations import HEAD, NotTheOwner, migrate, require_head
from andon.migrations.grants import NARROW, PROCESSES
from tests.conftest import StartSystem
from tests.functions import FOLDER
from tests.integration.cli.conftest import Command
from tests.support.ledger import Ledger
from tests.support.polling import wait_until
from tests.support.scene import FUNCTIONS, QUICK, Scene

FILE = Path("deploy/postgres/roles.sql")
BACKUP = Path("deploy/kustomize/components/backup/backup.sh")
DATABASE = "guarded"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as started:
        with psycopg.connect(started.url_of("postgres"), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {DATABASE}".encode())
        run(started, "psql", "--set=ON_ERROR_STOP=1", f"--file={FILE}", started.url_of(DATABASE))
        with psycopg.connect(started.url_of(DATABASE), autocommit=True) as admin:
            for process in ("owner", *PROCESSES):
                admin.execute(f"ALTER ROLE andon_{process} PASSWORD '{process}'".encode())
        migrate(url_of(started, "owner"))
        migrate(url_of(started, "owner"))
        yield started


def url_of(server: PostgresServer, process: str, database: str = DATABASE) -> str:
    """The URL by which this process logs in."""
    url = urlsplit(server.url_of(database))
    return urlunsplit(url._replace(netloc=f"andon_{process}:{process}@{url.hostname}:{url.port}"))


def test_a_system_does_all_that_it_does(
    server: PostgresServer, system: StartSystem, redis_url: str, tmp_path: Path
) -> None:
    each = {
        name: {"ANDON_DATABASE_URL": url_of(server, name.partition("-")[0])}
        for name in ("api", "dispatcher-1", "dispatcher-2", "worker-1", "worker-2")
    }
    started = system(
        functions=(FUNCTIONS,),
        env={**QUICK, FOLDER: str(tmp_path)},
        each=each,
        dispatchers=2,
        workers=2,
        database_url=url_of(server, "api"),
    )
    with Scene(started, server.url_of(DATABASE), redis_url, Ledger(tmp_path)) as scene:
        scene.request("walk", steps=3, nap=0.2, plan={"step-3": {"fail": 1}})
        scene.request("stopped", plan={"step-2": {"gate": True}})
        scene.request("lost", steps=2, plan={"step-2": {"die": "once"}})
        report = scene.report()
        scene.generate(report)
        scene.wait_step("stopped", "step-2")
        scene.cancel("stopped")
        scene.redis.xadd("andon:events", {"data": "nameless"})
        assert scene.wait_run("walk")["status"] == "completed"
        assert scene.wait_run("stopped")["status"] == "cancelled"
        assert scene.wait_run("lost")["status"] == "completed"
        wait_until(lambda: scene.show_report(report)["status"] == "generated", what="the report")
        scene.request("many", plan={"step-1": {"gate": True}})
        scene.wait_step("many", "step-1")
        bulk = {"functionId": "walk", "if": "event.data.case == 'many'"}
        headers = {"Idempotency-Key": "bulk"}
        assert scene.api.post("/cancellations", json=bulk, headers=headers).status_code == 202
        assert scene.wait_run("many")["status"] == "cancelled"
        [dead] = wait_until(lambda: scene.api.get("/dead-events").json()["items"], what="the dead event")
        assert scene.api.post(f"/dead-events/{dead['id']}/replay").status_code == 202
        assert scene.api.delete(f"/reports/{report}").status_code == 204

        andon = Command(
            {
                "ANDON_DATABASE_URL": url_of(server, "maintenance"),
                "ANDON_REDIS_URL": redis_url,
                "ANDON_STORAGE_URL": f"file://{started.storage}",
                "ANDON_URL": started.url,
            }
        )
        key = andon("keys", "create", "ci", "--json").json["id"]
        assert andon("keys", "revoke", key).code == 0
        pruned = andon("prune", "--keep-runs", "0s", "--keep-events", "0s", "--json")
        assert pruned.code == 0, pruned.err
        assert pruned.json["deleted"]["runs"] > 0
        assert "✗" not in andon("doctor").out
    for name, process in started.processes.items():
        assert "permission denied" not in process.output, name


@pytest.mark.parametrize("process", PROCESSES)
def test_no_process_may_make_change_or_empty_a_table(server: PostgresServer, process: str) -> None:
    with psycopg.connect(url_of(server, process), autocommit=True) as connection:
        for statement in (
            "CREATE TABLE andon.mine (id int)",
            "CREATE TABLE public.mine (id int)",
            "ALTER TABLE andon.runs ADD COLUMN mine int",
            "DROP TABLE andon.runs",
            "TRUNCATE andon.runs",
            "UPDATE andon.alembic_version SET version_num = '0001'",
            "GRANT SELECT ON andon.runs TO PUBLIC",
        ):
            refused(connection, statement)


def test_migrating_as_another_role_is_refused_with_a_sentence(server: PostgresServer) -> None:
    with psycopg.connect(server.url_of(DATABASE), autocommit=True) as admin:
        admin.execute("UPDATE andon.alembic_version SET version_num = '0001'")  # as if there were something to do
        try:
            with pytest.raises(NotTheOwner, match=r"its owner's alone to change \(.*\): set ANDON_DATABASE_URL"):
                migrate(url_of(server, "maintenance"))
        finally:
            admin.execute("UPDATE andon.alembic_version SET version_num = %s", [HEAD])


def test_what_is_not_a_processs_is_closed_to_it(server: PostgresServer) -> None:
    for process in ("dispatcher", "worker"):
        with psycopg.connect(url_of(server, process), autocommit=True) as connection:
            for table in ("api_keys", "audit", "idempotency_keys"):
                refused(connection, f"SELECT * FROM andon.{table}")
    with psycopg.connect(url_of(server, "dispatcher"), autocommit=True) as connection:
        assert known_tenants(connection) <= {"default"}  # whose keys there are, it may know
    with psycopg.connect(url_of(server, "api"), autocommit=True) as connection:
        for statement in (
            "INSERT INTO andon.api_keys (id, tenant, name, sha256, scopes)"
            " VALUES (gen_random_uuid(), 'a', 'b', 'c', '{}')",
            "UPDATE andon.api_keys SET scopes = '{admin}'",
            "UPDATE andon.audit SET action = 'nothing'",
            "DELETE FROM andon.audit",
            "UPDATE andon.webhook_deliveries SET body = '{}'",
            "INSERT INTO andon.webhook_deliveries (webhook_id, line, event_id, name, body)"
            " VALUES (gen_random_uuid(), gen_random_uuid(), 'e', 'n', '{}')",
        ):
            refused(connection, statement)


def test_the_api_looks_after_webhooks_and_no_secret_is_read_but_to_be_sent_or_backed_up(server: PostgresServer) -> None:
    with psycopg.connect(url_of(server, "api"), autocommit=True) as connection:
        id, _ = webhooks.create_webhook(connection, "acme", "https://app.example")
        assert webhooks.rotate_secret(connection, id)
        assert webhooks.finish_rotation(connection, id) == "acme"
        assert webhooks.deliveries(connection, id, 1) == []
        assert not webhooks.resend(connection, 1)
        for process in ("api", "worker"):
            with psycopg.connect(url_of(server, process), autocommit=True) as other:
                refused(other, "SELECT secret FROM andon.webhook_secrets")
                refused(other, "UPDATE andon.webhook_secrets SET secret = 'mine'")
        for process in ("dispatcher", "maintenance"):
            with psycopg.connect(url_of(server, process), autocommit=True) as other:
                other.execute("SELECT secret FROM andon.webhook_secrets")
        with psycopg.connect(url_of(server, "dispatcher"), autocommit=True) as other:
            assert webhooks.claim(other, 1) == []
        assert webhooks.delete_webhook(connection, id) == "acme"


def test_a_backup_by_the_role_for_maintenance_is_restored_by_the_owner_with_all_rights(
    server: PostgresServer, tmp_path: Path
) -> None:
    env = {
        "PATH": f"{server.programs}:{os.environ['PATH']}",
        "ANDON_DATABASE_URL": url_of(server, "maintenance"),
        "BACKUPS": str(tmp_path),
        "KEEP": "1",
    }
    made = subprocess.run(["sh", str(BACKUP)], env=env, capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    [dump] = tmp_path.iterdir()

    with psycopg.connect(server.url_of("postgres"), autocommit=True) as admin:
        admin.execute(b"CREATE DATABASE restored")
    run(server, "psql", "--set=ON_ERROR_STOP=1", f"--file={FILE}", server.url_of("restored"))
    owner = url_of(server, "owner", "restored")
    run(server, "pg_restore", "--clean", "--if-exists", "--no-owner", f"--dbname={owner}", str(dump))
    require_head(owner)
    with psycopg.connect(url_of(server, "worker", "restored"), autocommit=True) as connection:
        connection.execute("SELECT FROM andon.runs")
        refused(connection, "SELECT FROM andon.api_keys")


def run(server: PostgresServer, program: str, *words: str) -> None:
    done = subprocess.run([str(server.programs / program), *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_command_says_which_role_it_takes(server: PostgresServer, redis_url: str) -> None:
    andon = Command({"ANDON_DATABASE_URL": url_of(server, "worker"), "ANDON_REDIS_URL": redis_url})
    refused_command = andon("keys", "list")
    assert refused_command.code == 6
    assert "andon_worker may not do this (permission denied for table api_keys)" in refused_command.err
    assert "andon_maintenance" in refused_command.err


def test_the_narrow_tables_are_ones_that_there_are(server: PostgresServer) -> None:
    with psycopg.connect(server.url_of(DATABASE)) as connection:
        tables = {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'andon'")}
    assert NARROW.keys() <= tables, json.dumps(sorted(tables))


def refused(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> None:
    # Who doesn't own a table is told so; a GRANT of what one may not give away is a warning, and does nothing.
    if statement.startswith("GRANT"):
        connection.execute(statement.encode())
        held = connection.execute("SELECT relacl::text FROM pg_class WHERE oid = 'andon.runs'::regclass").fetchone()
        assert held is not None
        assert "{=" not in str(held[0])
        assert ",=" not in str(held[0])
        return
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())
