"""A standby of Postgres takes over as docs/operations.md describes it, with runs in flight and nothing restarted."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from andon.embedded import PostgresServer
from andon.embedded.ports import free_port
from andon.migrations import migrate
from tests.conftest import StartSystem
from tests.integration.deploy.conftest import FUNCTIONS
from tests.integration.deploy.test_backup import (
    Producer,
    after_the_dump,
    before_the_dump,
    forget_what_came_after,
    goes_on,
    reading,
)

pytestmark = pytest.mark.slow


@contextmanager
def standby_of(primary: PostgresServer, folder: Path, port: int) -> Iterator[PostgresServer]:
    """A standby that has all that the primary had when it was made, and is not started."""
    standby = PostgresServer(folder, port)
    standby.folder.mkdir(exist_ok=True)
    shutil.copy(primary.password_file, standby.password_file)
    copy = [str(primary.programs / "pg_basebackup"), "--write-recovery-conf", f"--pgdata={standby.data}"]
    subprocess.run([*copy, f"--dbname={primary.url}"], check=True)
    if standby.account:
        for each in (standby.folder, *standby.folder.rglob("*")):
            shutil.chown(each, standby.account.uid, standby.account.gid)
    try:
        yield standby
    finally:
        standby.stop()


def either(server: PostgresServer, port: int) -> str:
    """The URL of whichever takes writes: the server, or another at this port."""
    return re.sub(r"@(.*)/(\w+)$", rf"@\g<1>,127.0.0.1:{port}/\g<2>?target_session_attrs=read-write", server.url)


def test_what_the_standby_did_not_have_is_taken_from_the_bus_again(
    system: StartSystem, redis: Redis, redis_url: str, tmp_path: Path
) -> None:
    producer = Producer(redis, tmp_path)
    with PostgresServer(tmp_path / "primary") as primary, reading(primary.url) as old:
        migrate(primary.url)
        port = free_port()
        started = system(functions=FUNCTIONS, database_url=either(primary, port), redis_url=redis_url)
        before_the_dump(producer, old)
        with standby_of(primary, tmp_path / "standby", port) as standby:
            after_the_dump(producer, redis, old)
            old.close()
            primary.kill()
            forget_what_came_after(redis)
            standby.start()
            with reading(standby.url_of("postgres")) as administrator:
                assert administrator.execute("SELECT pg_promote()").fetchone() == (True,)
            with reading(standby.url) as new:
                goes_on(producer, started, new)
