"""PgBouncer in transaction mode before a test's Postgres: consecutive transactions of a client may meet any session."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from psycopg import OperationalError, connect

from andon.embedded import PostgresServer
from andon.embedded.children.spawn import spawn
from andon.embedded.ports import free_port
from andon.embedded.stores.server import server_environment
from tests.support.polling import wait_until

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
KNOWS_PREPARED_STATEMENTS = (1, 22)  # 1.21 does, but not that a rollback makes psycopg forget its own


def version() -> tuple[int, int]:
    """The installed PgBouncer's version; (0, 0) without one."""
    if PROGRAM is None:
        return 0, 0
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"PgBouncer (\d+)\.(\d+)", said)
    assert found, said
    return int(found[1]), int(found[2])


@contextmanager
def pooler(server: PostgresServer, database_url: str, folder: Path, *, sessions: int) -> Iterator[str]:
    """The URL of a PgBouncer that gives `database_url` to any number of clients by so many sessions."""
    assert PROGRAM is not None
    folder.mkdir()
    folder.chmod(0o755)
    target, port = urlsplit(database_url), free_port()
    name = target.path.strip("/")
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "pool_mode": "transaction",
        "default_pool_size": sessions,
        "max_client_conn": 500,
        "server_round_robin": 1,  # the least convenient: the next transaction is in another session
    }
    if version() >= KNOWS_PREPARED_STATEMENTS:
        settings["max_prepared_statements"] = 200
    file = folder / "pgbouncer.ini"
    file.write_text(
        f"[databases]\n{name} = host=127.0.0.1 port={target.port} user={target.username} password={target.password}\n"
        "[pgbouncer]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items())
    )
    with (folder / "log").open("wb") as log:
        process = spawn([PROGRAM, str(file)], env=server_environment(), output=log, account=server.account)
    url = f"postgresql://andon@127.0.0.1:{port}/{name}"
    try:
        wait_until(lambda: _answers(url), what=f"pgbouncer; it said: {(folder / 'log').read_text()}")
        yield url
    finally:
        process.kill()  # SIGTERM would wait for its clients to leave
        process.wait()


def _answers(url: str) -> bool:
    try:
        connect(url, connect_timeout=2).close()
    except OperationalError:
        return False
    return True
