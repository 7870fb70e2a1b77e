"""Row 8 with another release: its processes beside this one's, on a schema that is migrated meanwhile."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from andon.embedded import PostgresServer
from andon.migrations import migrate
from tests.faults.conftest import Stage
from tests.row_functions import TABLE
from tests.soak import births
from tests.soak.invariants import violations
from tests.support import moves
from tests.support.polling import wait_until
from tests.support.process import Process
from tests.support.scene import Scene

pytestmark = pytest.mark.slow

COMMIT = Path(__file__).with_name("previous_release.txt").read_text().strip()
ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("shared", "services/api", "services/worker")


@pytest.fixture
def previous(tmp_path: Path) -> dict[str, str]:
    """The environment in which the packages are the previous release's."""
    archive = subprocess.run(["git", "-C", str(ROOT), "archive", COMMIT, *PACKAGES], capture_output=True)
    if archive.returncode:
        pytest.skip(f"the history has no {COMMIT[:12]}: get it by `git fetch --unshallow`")
    folder = tmp_path / "previous"
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    env = {"PYTHONPATH": os.pathsep.join([*(str(folder / each) for each in PACKAGES), str(ROOT)])}
    where = [sys.executable, "-c", "import andon, andon_api, andon_worker; print(andon.__file__)"]
    told = subprocess.run(where, env={**os.environ, **env}, capture_output=True, text=True, check=True, cwd=folder)
    assert told.stdout.startswith(str(folder)), "the installed packages hide the previous release"
    return env


@pytest.fixture
def database(tmp_path: Path, previous: dict[str, str]) -> Iterator[str]:
    """A database as the previous release made it."""
    with PostgresServer(tmp_path / "postgres") as server:
        env = {**os.environ, **previous, "ANDON_DATABASE_URL": server.url}
        subprocess.run([sys.executable, "-m", "andon.migrations"], env=env, check=True)
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE public.tally (name text)")
            connection.execute(TABLE)
            moves.watch(connection)
            births.watch(connection)
        yield server.url


def test_08_both_releases_run_cancel_and_take_over_each_others_runs(
    previous: dict[str, str], database: str, stage: Stage
) -> None:
    everyone = ("api", "dispatcher-1", "worker-1")
    scene = stage(database_url=database, each=dict.fromkeys(everyone, previous))
    old, old_dispatcher = scene.system["worker-1"], scene.system["dispatcher-1"]
    scene.wait_leader()
    migrate(database)
    new = scene.system.add_worker()
    wait_until(lambda: "is ready" in new.output, what="the new worker")

    by_old, by_new = hold(scene, old, new)
    report = scene.report()
    scene.generate(report)
    send_tallies(scene, "first")
    cancel(scene, by_old.pop(), by_new.pop())

    scene.system.add_dispatcher()
    assert old_dispatcher.stop() == 0
    scene.wait_leader()
    send_tallies(scene, "second")
    cancel(scene, by_old.pop(), by_new.pop())

    held = [*by_old, *by_new]
    assert new.stop() == 0
    wait_until(lambda: holders(scene, held) == {old.pid}, what="the old worker takes over")
    new.start()
    old.kill()
    wait_until(lambda: holders(scene, held) == {new.pid}, what="the new worker takes over")

    assert scene.system["api"].stop() == 0
    scene.system["api"].start(PYTHONPATH=new.env["PYTHONPATH"])
    wait_until(scene.system.ready, what="the new API")
    for case in held:
        scene.ledger.open(case)
        assert scene.wait_run(case)["status"] == "completed"
        assert scene.ledger.steps(case).count("step-1") == 1, case
        assert scene.ledger.steps(case)[-4:] == ["step-3", "step-4", "step-5", "step-6"], case
    assert scene.show_report(report)["status"] == "generated"
    scene.wait_quiet()
    assert {name: rows for name, rows in violations(scene, []).items() if rows} == {}


def hold(scene: Scene, old: Process, new: Process) -> tuple[list[str], list[str]]:
    """Twelve runs that stand in their second step, by who holds them: neither worker has room for nine."""
    cases = [f"held-{number}" for number in range(12)]
    for case in cases:
        scene.request(case, steps=6, plan={"step-2": {"gate": True}})
    for case in cases:
        scene.wait_step(case, "step-2")
    by_pid = {pid: [case for case in cases if holders(scene, [case]) == {pid}] for pid in (old.pid, new.pid)}
    assert min(map(len, by_pid.values())) >= 4
    return by_pid[old.pid], by_pid[new.pid]


def holders(scene: Scene, cases: list[str]) -> set[int]:
    """The pids of the processes in which these cases' second steps have begun last."""
    return {scene.ledger.begins(case, "step-2")[-1].pid for case in cases}


def send_tallies(scene: Scene, name: str) -> None:
    """Transactions, for whoever takes them."""
    for number in range(10):
        scene.xadd("tally/requested", {"case": f"{name}-{number}"})


def cancel(scene: Scene, *cases: str) -> None:
    """Cancel these, and see them end."""
    for case in cases:
        scene.cancel(case)
    for case in cases:
        assert scene.wait_run(case)["status"] == "cancelled"
