"""How many connections each process opens at most: what docs/operations.md says that a server must have room for."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
from sqlalchemy import text

from andon.adapters.postgres.connect import connect
from andon.adapters.postgres.runs.transactions import step_engine
from andon.adapters.postgres.subjects.subjects import lock
from andon.embedded.ports import free_port
from tests.integration.postgres.conftest import StartScene
from tests.support.polling import wait_until
from tests.support.scene import Scene

LANES = 3
API_THREADS = 5
# By docs/operations.md: per worker, per dispatcher, per API process.
MOST = {
    "andon-worker": 5,
    "andon-step": LANES,
    "andon-dispatcher": 1,
    "andon-webhooks": 1,
    "andon-metrics": 1,
    "andon-api": API_THREADS,
}
BUSY = {name: MOST[name] for name in ("andon-step", "andon-api", "andon-dispatcher", "andon-metrics")}


def connections(scene: Scene) -> dict[str, int]:
    """How many connections each kind of process has now."""
    query = (
        "SELECT application_name AS name, count(*) AS n FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE 'andon-%%' GROUP BY 1"
    )
    return {row["name"]: row["n"] for row in scene.rows(query)}


def test_a_full_system_has_as_many_connections_as_the_operations_page_counts(start: StartScene) -> None:
    port = free_port()
    scene = start(dispatchers=0, ANDON_LANES=str(LANES), ANDON_API_THREADS=str(API_THREADS))
    scene.system.add_dispatcher(ANDON_HEALTH_PORT=str(port))
    scene.wait_leader()
    reports = [scene.report() for _ in range(API_THREADS * 2)]
    with ThreadPoolExecutor(len(reports)) as callers:
        with scene.holding("LOCK TABLE public.tally, andon.reports IN ACCESS EXCLUSIVE MODE"):
            for number in range(LANES * 2):
                scene.xadd("tally/requested", {"case": f"tally-{number}"})
            answers = [callers.submit(scene.api.post, f"/reports/{report}/generate") for report in reports]
            httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False, verify=False)
            wait_until(lambda: connections(scene).items() >= BUSY.items(), what=f"{BUSY}")
        told = {answer.result().status_code for answer in answers}
        assert told <= {202, 503}, told  # who waited too long for the lock is told so
    scene.wait_quiet()
    assert all(count <= MOST[name] for name, count in connections(scene).items())


def test_a_step_that_is_frozen_in_its_transaction_keeps_its_locks_for_a_minute(database_url: str) -> None:
    engine = step_engine(database_url)
    with engine.begin() as connection:
        assert connection.scalar(text("SHOW idle_in_transaction_session_timeout")) == "1min"
    engine.dispose()


def test_who_locks_subjects_keeps_them_for_seconds_when_frozen_also_if_none_is_left(database_url: str) -> None:
    with connect(database_url, name="test") as connection:
        with connection.transaction():
            lock(connection, [uuid.uuid4()])
            assert connection.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("5s",)
        assert connection.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("0",)
