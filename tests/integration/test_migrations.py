"""The schema: made once however many try, the same as the models say, and refused when it is another."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from andon.adapters.postgres.models import SCHEMA, metadata
from andon.adapters.postgres.urls import sqlalchemy_url
from andon.embedded import PostgresServer
from andon.engine.declared.functions import Registry
from andon.migrations import HEAD, UnknownRevision, migrate, require_head
from andon.migrations.revision import PATIENCE_SECONDS
from andon.settings import Settings
from andon_worker.dispatcher.bootstrap import dispatcher
from tests.faults.proxy import Proxy
from tests.support.databases import create, drop
from tests.support.polling import PATIENCE, wait_until
from tests.support.system import SHIPPED_FUNCTIONS

MODULES = ("andon_api", "andon_worker", "andon_worker.dispatcher", "andon.migrations")


def test_the_migrations_make_what_the_models_say(database_url: str) -> None:
    engine = create_engine(sqlalchemy_url(database_url))
    with engine.connect() as connection:
        connection.exec_driver_sql("SET search_path TO public")  # a user named like the schema has it as its default
        connection.dialect.default_schema_name = "public"
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "version_table_schema": SCHEMA,
                "include_name": lambda name, kind, _: kind != "schema" or name == SCHEMA,
            },
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_many_processes_may_migrate_at_once(postgres_server: PostgresServer) -> None:
    admin = postgres_server.url_of("postgres")
    create(admin, "andon_at_once", "template0")
    url = postgres_server.url_of("andon_at_once")
    try:
        with ThreadPoolExecutor(4) as pool:
            codes = list(pool.map(lambda _: run("andon.migrations", url).returncode, range(4)))
        assert codes == [0, 0, 0, 0]
        require_head(url)
    finally:
        drop(admin, "andon_at_once")


def test_a_migration_that_meets_a_lock_gives_way_and_is_tried_again(
    postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    admin = postgres_server.url_of("postgres")
    create(admin, "andon_locked", "template0")
    url = postgres_server.url_of("andon_locked")
    try:
        with psycopg.connect(url) as holder, ThreadPoolExecutor(1) as pool:
            holder.execute("CREATE SCHEMA andon")  # until this ends, nobody else can make it
            migrating = pool.submit(migrate, url)
            wait_until(lambda: "trying again" in caplog.text, what="the first try's end")
            assert not migrating.done()
            holder.rollback()
            migrating.result(timeout=60)
        require_head(url)
    finally:
        drop(admin, "andon_locked")


def test_a_database_without_a_schema_is_refused_with_what_to_do(postgres_server: PostgresServer) -> None:
    with pytest.raises(UnknownRevision, match="andon migrate"):
        require_head(postgres_server.url_of("postgres"))


def test_a_start_waits_for_a_database_that_is_away(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with Proxy(database_url) as way, ThreadPoolExecutor(1) as pool:
        way.cut()
        starting = pool.submit(require_head, way.url)
        wait_until(lambda: "trying again" in caplog.text, what="the first try's end")
        way.restore()
        starting.result(timeout=60)


def test_a_dispatcher_waits_for_a_database_that_went_away_after_it_was_asked_for_its_schema(
    database_url: str, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Proxy(database_url) as way, ThreadPoolExecutor(1) as pool:
        settings = Settings.from_env({"ANDON_DATABASE_URL": way.url, "ANDON_REDIS_URL": redis_url})
        require_head(settings.database_url)
        way.cut()
        service = dispatcher(settings, Registry())
        running = pool.submit(service.run)
        try:
            wait_until(lambda: "postgres away" in caplog.text, what="the first refusal")
            assert not running.done()
            way.restore()
            wait_until(lambda: service.leads, what="it leads")
        finally:
            service.ask_to_stop()
        running.result(PATIENCE)


def test_a_start_does_not_wait_for_a_database_that_refuses_it(database_url: str) -> None:
    began = time.monotonic()
    with pytest.raises(psycopg.OperationalError, match="there_is_none"):
        require_head(database_url.rpartition("/")[0] + "/there_is_none")
    assert time.monotonic() - began < PATIENCE_SECONDS


@pytest.mark.parametrize("module", MODULES)
def test_a_process_refuses_to_start_on_an_unknown_revision_and_names_it(module: str, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE andon.alembic_version SET version_num = 'from-the-future'")
    ended = run(module, database_url)
    assert ended.returncode == 1
    assert "'from-the-future'" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr


def test_a_later_versions_schema_is_worked_on_and_left_as_it_is(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE andon.alembic_version SET version_num = '9999'")
        require_head(database_url)
        migrate(database_url)
        assert connection.execute("SELECT version_num FROM andon.alembic_version").fetchall() == [("9999",)]
    assert "9999, newer than this version's" in caplog.text


def test_migrating_again_changes_nothing(database_url: str) -> None:
    migrate(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT version_num FROM andon.alembic_version").fetchall() == [(HEAD,)]


def run(module: str, url: str) -> subprocess.CompletedProcess[str]:
    """Run a process's module against this database until it ends."""
    env = {
        "ANDON_DATABASE_URL": url,
        "ANDON_REDIS_URL": "redis://127.0.0.1:1/0",
        "ANDON_FUNCTIONS": SHIPPED_FUNCTIONS,
        "PORT": "0",
    }
    return subprocess.run([sys.executable, "-m", module], env=env, capture_output=True, text=True, timeout=120)
