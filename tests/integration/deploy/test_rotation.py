"""Passwords are changed as docs/operations.md says, its commands taken from there, while a run goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from redis import Redis
from redis.exceptions import AuthenticationError

from andon.embedded import PostgresServer, RedisServer
from andon.migrations import migrate
from tests.conftest import StartSystem
from tests.functions import FOLDER
from tests.support.ledger import Ledger
from tests.support.polling import wait_until
from tests.support.scene import FUNCTIONS, QUICK, Scene
from tests.support.system import System

PAGE = Path("docs/operations.md").read_text()
ROLE = "app"  # the page's is andon, who is the embedded server's superuser


def commands(heading: str, language: str) -> list[str]:
    """The blocks of this language under a heading of the page."""
    [section] = re.findall(rf"^### {heading}\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL)
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path / "postgres") as server:
        with psycopg.connect(server.url_of("postgres"), autocommit=True) as admin:
            admin.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD 'old'".encode())
            admin.execute(f"CREATE DATABASE rotated OWNER {ROLE}".encode())
        migrate(login(server, ROLE, "old"))
        yield server


@pytest.fixture
def redis_with_a_user(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as server, Redis.from_url(server.url) as admin:
        admin.execute_command("ACL", "SETUSER", "andon", "on", ">old", "~*", "&*", "+@all")
        yield server


def login(server: PostgresServer | RedisServer, user: str, password: str) -> str:
    """The server's URL as this user."""
    url = urlsplit(server.url_of("rotated") if isinstance(server, PostgresServer) else server.url)
    return urlunsplit(url._replace(netloc=f"{user}:{password}@{url.hostname}:{url.port}"))


def replace_all(system: System, **env: str) -> None:
    """Stop and start every process with this environment, as a rollout does."""
    for process in system.processes.values():
        assert process.stop() == 0
        process.start(**env)
    wait_until(system.ready, 120, what="the API")


def test_the_databases_password_is_changed_without_an_outage(
    postgres: PostgresServer, system: StartSystem, redis_url: str, tmp_path: Path
) -> None:
    before, after = (block.replace("andon", ROLE) for block in commands("The database's password", "sql"))
    old, new = login(postgres, ROLE, "old"), login(postgres, f"{ROLE}_b", "new")
    env = {**QUICK, FOLDER: str(tmp_path)}
    started = system(functions=(FUNCTIONS,), env=env, database_url=old, redis_url=redis_url)
    with (
        Scene(started, postgres.url_of("rotated"), redis_url, Ledger(tmp_path)) as scene,
        psycopg.connect(postgres.url_of("postgres"), autocommit=True) as admin,
    ):
        scene.request("long", plan={"step-2": {"gate": True}})
        scene.wait_step("long", "step-2")
        admin.execute(before.encode())
        replace_all(started, ANDON_DATABASE_URL=new)
        admin.execute(after.encode())
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(old)
        migrate(new)
        scene.ledger.open("long")
        assert scene.wait_run("long")["status"] == "completed"
        assert scene.ledger.steps("long").count("step-1") == 1
        owners = "SELECT DISTINCT tableowner AS name FROM pg_tables WHERE schemaname = 'andon'"
        assert [row["name"] for row in scene.rows(owners)] == [ROLE]


def test_redis_password_is_changed_without_an_outage(
    redis_with_a_user: RedisServer, system: StartSystem, database_url: str, tmp_path: Path
) -> None:
    before, after = commands("Redis' password", "sh")
    old, new = login(redis_with_a_user, "andon", "old"), login(redis_with_a_user, "andon", "new")
    env = {**QUICK, FOLDER: str(tmp_path)}
    started = system(functions=(FUNCTIONS,), env=env, database_url=database_url, redis_url=old)
    with (
        Scene(started, database_url, redis_with_a_user.url, Ledger(tmp_path)) as scene,
        Redis.from_url(redis_with_a_user.url) as admin,
    ):
        scene.request("long", plan={"step-2": {"gate": True}})
        scene.wait_step("long", "step-2")
        run_redis_cli(admin, before)
        replace_all(started, ANDON_REDIS_URL=new)
        run_redis_cli(admin, after)
        with pytest.raises(AuthenticationError), Redis.from_url(old) as refused:
            refused.ping()
        scene.ledger.open("long")
        assert scene.wait_run("long")["status"] == "completed"
        scene.request("next", steps=1)
        assert scene.wait_run("next")["status"] == "completed"


def run_redis_cli(redis: Redis, block: str) -> None:
    """Run a block of `redis-cli` lines; this server has no file to save users to."""
    for line in block.splitlines():
        words = [word.strip("'") for word in line.partition("#")[0].split()]
        if words[1:] != ["ACL", "SAVE"]:
            done: Any = redis.execute_command(*words[1:])  # type: ignore[no-untyped-call]
            assert done in {"OK", b"OK", True}
