import os
import sys
from pathlib import Path

import psycopg
import pytest

from andon.embedded import EmbeddedError, PostgresServer
from andon.embedded.stores.binaries import postgres_programs, redis_programs


def test_without_a_redis_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EmbeddedError, match=r"C compiler.*ANDON_REDIS_URL"):
        redis_programs(places=())


def test_without_a_postgres_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EmbeddedError, match="ANDON_DATABASE_URL"):
        postgres_programs(places=())


def test_a_postgres_of_the_system_is_found_beside_path_and_the_newest_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("9", "15", "16"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "postgres").touch(mode=0o700)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setenv("PATH", "")
    assert postgres_programs(places=(f"{tmp_path}/*/bin",)) == tmp_path / "16" / "bin"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts it as somebody else")
def test_as_root_it_runs_in_a_folder_that_is_closed_to_everybody_else(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with PostgresServer(closed / "postgres") as server, psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT 42").fetchone() == (42,)


def test_data_of_another_version_is_refused_by_name(own_postgres: PostgresServer) -> None:
    own_postgres.stop()
    (own_postgres.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedError, match="written by PostgreSQL 9, and version"):
        own_postgres.start()


def test_a_server_that_does_not_start_says_its_last_words(own_postgres: PostgresServer) -> None:
    own_postgres.stop()
    (own_postgres.data / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(EmbeddedError, match="no_such_setting"):
        own_postgres.start()
