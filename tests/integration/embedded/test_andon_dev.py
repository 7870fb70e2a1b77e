import os
import signal
import socket
import stat
import subprocess
from pathlib import Path

import psycopg
import pytest

from andon.embedded.ports import free_port
from tests.integration.embedded.dev import Dev, running_dev
from tests.support.polling import PATIENCE, wait_until


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that was begun, and left."""
    home = tmp_path_factory.mktemp("made") / "home"
    with running_dev(home) as dev:
        dev.wait_for_stores()
        assert dev.stop() == 0
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """One like that, of the test's own: to make a new one takes seconds."""
    subprocess.run(["cp", "-a", str(made), str(tmp_path / "home")], check=True)
    return tmp_path / "home"


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_stops_everything_and_leaves_the_data(home: Path, number: signal.Signals) -> None:
    with running_dev(home) as dev:
        exported = dev.wait_for_stores()
        with psycopg.connect(exported["ANDON_DATABASE_URL"]) as connection:
            connection.execute("CREATE TABLE public.kept AS SELECT 7 AS n")
        assert dev.stop(number) == 0
        assert dev.left() == []
        assert not (home / "env").exists()
    with running_dev(home) as again:
        with psycopg.connect(again.wait_for_stores()["ANDON_DATABASE_URL"]) as connection:
            assert connection.execute("SELECT n FROM public.kept").fetchone() == (7,)
        again.stop()


def test_after_a_kill_the_next_start_works_and_nothing_is_left_of_the_first(home: Path) -> None:
    with running_dev(home) as first:
        first.wait_for_stores()
        before = set(first.left())
        assert before
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait()
    with running_dev(home, first.port) as second:
        wait_until(lambda: len(set(second.left()) - before) >= len(before), what="a whole new set")
        assert not before & set(second.left())
        assert second.stop() == 0
        assert second.left() == []


def test_a_second_one_on_the_same_home_is_refused_in_a_sentence(home: Path) -> None:
    with running_dev(home) as first:
        first.wait_for_stores()
        with running_dev(home) as second:
            assert second.process.wait(PATIENCE) == 1
            assert f"Another `andon dev` (pid {first.process.pid})" in second.output
            assert "ANDON_HOME" in second.output
            assert "Traceback" not in second.output
        assert first.process.poll() is None
        first.stop()


def test_two_run_side_by_side_on_homes_of_their_own(home: Path, tmp_path: Path) -> None:
    with running_dev(home) as one, running_dev(tmp_path / "two") as two:
        urls = {dev.wait_for_stores()["ANDON_DATABASE_URL"] for dev in (one, two)}
        assert len(urls) == 2
        assert one.stop() == 0
        assert two.left()
        assert two.stop() == 0


def test_a_busy_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running_dev(tmp_path / "home", port) as dev:
            assert dev.process.wait(PATIENCE) == 1
            assert f"Port {port} on 127.0.0.1 is in use" in dev.output
            assert f"PORT={port + 1}." in dev.output
            assert dev.left() == []


def test_the_env_file_gives_a_shell_the_urls_and_the_clients(home: Path) -> None:
    with running_dev(home) as dev:
        dev.wait_for_stores()
        file = home / "env"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        script = (
            f". {file}; psql -Atc 'select 6*7' $ANDON_DATABASE_URL; redis-cli -u $ANDON_REDIS_URL ping; andon version"
        )
        bare = {"PATH": "/usr/bin:/bin"}
        shell = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, check=True, env=bare)
        assert shell.stdout.split()[:2] == ["42", "PONG"]
        assert "andon" in shell.stdout
        dev.stop()


def test_a_process_that_dies_is_reported_and_started_again(home: Path) -> None:
    with running_dev(home) as dev:
        dev.wait_for_stores()
        first = wait_until(lambda: pid_of(dev, "andon_worker"), what="a worker")
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: dev.ended("worker"), what="the report")
        wait_until(lambda: pid_of(dev, "andon_worker") not in (None, first), what="another worker")
        dev.stop()


def test_a_store_that_dies_is_started_again_on_its_port(home: Path) -> None:
    with running_dev(home) as dev:
        url = dev.wait_for_stores()["ANDON_DATABASE_URL"]
        postmaster = int((home / "postgres/data/postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)

        def answer() -> tuple[int] | None:
            try:
                with psycopg.connect(url, connect_timeout=2) as connection:
                    return connection.execute("SELECT 42").fetchone()
            except psycopg.OperationalError:
                return None

        wait_until(lambda: "postgres has ended" in dev.output, what="the report")
        assert wait_until(answer) == (42,)
        dev.stop()


def test_a_store_that_the_environment_names_is_not_started(tmp_path: Path, database_url: str) -> None:
    with running_dev(tmp_path / "home", ANDON_DATABASE_URL=database_url) as dev:
        assert dev.wait_for_stores()["ANDON_DATABASE_URL"] == database_url
        assert not (tmp_path / "home/postgres").exists()
        dev.stop()


def test_a_shell_that_has_sourced_the_env_file_can_start_it_again(home: Path) -> None:
    with running_dev(home) as dev:
        sourced = dev.wait_for_stores()
        dev.stop()
    urls = {name: value for name, value in sourced.items() if name in ("ANDON_DATABASE_URL", "ANDON_REDIS_URL")}
    assert len(urls) == 2
    with running_dev(home, None, **urls) as again:
        url = again.wait_for_stores()["ANDON_DATABASE_URL"]
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) > 0 FROM andon.alembic_version").fetchone() == (True,)
        again.stop()


def test_a_store_that_does_not_answer_is_named_with_the_reason(tmp_path: Path, redis_url: str) -> None:
    elsewhere = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    with running_dev(tmp_path / "home", ANDON_DATABASE_URL=elsewhere, ANDON_REDIS_URL=redis_url) as dev:
        assert dev.process.wait(PATIENCE) == 1
        assert "The database that ANDON_DATABASE_URL names does not answer: connection failed" in dev.output
        assert "Connection refused" in dev.output
        assert "Traceback" not in dev.output


def test_a_stop_during_the_start_leaves_nothing(tmp_path: Path) -> None:
    with running_dev(tmp_path / "home") as dev:
        wait_until(lambda: "starting the stores" in dev.output, what="the start")
        assert dev.stop() == 0
        assert dev.left() == []


def pid_of(dev: Dev, module: str) -> int | None:
    """The pid of `python -m module` of this system."""
    for pid in dev.left():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[1:3] == [b"-m", module.encode()]:
            return pid
    return None
