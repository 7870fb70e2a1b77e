"""Every process through PgBouncer in transaction mode, by fewer sessions than they have connections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from andon.embedded import PostgresServer
from tests.integration.postgres.conftest import StartScene
from tests.support import pooler

SESSIONS = 4
KNOWS_PREPARED_STATEMENTS = pooler.version() >= pooler.KNOWS_PREPARED_STATEMENTS

pytestmark = pytest.mark.skipif(not KNOWS_PREPARED_STATEMENTS, reason="PgBouncer 1.22 or later is not installed")


@pytest.fixture
def pooled_url(postgres_server: PostgresServer, database_url: str, tmp_path: Path) -> Iterator[str]:
    with pooler.pooler(postgres_server, database_url, tmp_path / "pgbouncer", sessions=SESSIONS) as url:
        yield url


def test_runs_reports_transactions_and_cancels_need_no_session_of_their_own(start: StartScene, pooled_url: str) -> None:
    scene = start(through=pooled_url, workers=2, dispatchers=2)
    scene.wait_leader()
    walks, tallies = [f"walk-{n}" for n in range(8)], [f"tally-{n}" for n in range(8)]
    for walk, tally in zip(walks, tallies, strict=True):
        scene.request(walk, steps=4, nap=0.2, plan={"step-2": {"fail": 1}})
        scene.xadd("tally/requested", {"case": tally})
    made, stopped = scene.report(), scene.report(compute={"gate": True})
    scene.generate(made)
    scene.generate(stopped)
    scene.wait_step(stopped, "compute")
    assert scene.api.post(f"/reports/{stopped}/cancel").status_code == 202

    assert {scene.wait_run(case)["status"] for case in (*walks, *tallies, made)} == {"completed"}
    assert scene.wait_run(stopped)["status"] == "cancelled"
    scene.wait_quiet()
    assert scene.one("SELECT count(*) AS n FROM public.tally") == len(tallies)
    assert all(each["lost"] == 0 for case in walks for each in scene.runs(case))
    pooled = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    assert scene.one(pooled) <= SESSIONS
