"""An API that starts before its database: alive and not ready at once, serving as soon as there is a database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from andon.embedded.ports import free_port
from tests.faults.proxy import Proxy
from tests.support.polling import wait_until
from tests.support.process import Process
from tests.support.system import System


class Late:
    """An API process, and a way to its database that is cut at the start."""

    def __init__(self, folder: Path, database_url: str, redis_url: str, way: Proxy) -> None:
        self.way = way
        self.metrics = free_port()
        system = System(folder, way.url, redis_url, workers=0, dispatchers=0)
        self.url = system.url
        self.process: Process = system["api"]
        self.process.start(ANDON_HEALTH_PORT=str(self.metrics))

    def status(self, path: str, port: int | None = None) -> int | None:
        url = self.url if port is None else f"http://127.0.0.1:{port}"
        try:
            return httpx.get(url + path, timeout=20, trust_env=False, verify=False).status_code
        except httpx.HTTPError:
            return None


@pytest.fixture
def late(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Late]:
    with Proxy(database_url) as way:
        way.cut()
        made = Late(tmp_path, database_url, redis_url, way)
        try:
            yield made
        finally:
            made.process.kill()


def test_it_is_alive_at_once_and_ready_when_postgres_is_there(late: Late) -> None:
    wait_until(lambda: late.status("/healthz") == 200, 120, what="it listens")
    assert late.status("/readyz") == 503
    assert late.status("/api/v1/reports") == 503
    late.way.restore()
    wait_until(lambda: late.status("/readyz") == 200, 120, what="it is ready")
    assert late.status("/api/v1/reports") == 200


def test_a_schema_that_does_not_fit_ends_it_as_at_a_start(late: Late, database_url: str) -> None:
    wait_until(lambda: late.status("/healthz") == 200, 120, what="it listens")
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE andon.alembic_version SET version_num = 'from-the-future'")
    late.way.restore()
    wait_until(lambda: not late.process.running, 120, what="it ends")
    assert "'from-the-future'" in late.process.output
    assert "Traceback" not in late.process.output


def test_metrics_have_a_port_of_their_own_and_the_public_one_serves_none(late: Late) -> None:
    late.way.restore()
    wait_until(lambda: late.status("/readyz") == 200, 120, what="it is ready")
    assert late.status("/metrics") == 404
    assert late.status("/metrics", late.metrics) == 200
    text = httpx.get(f"http://127.0.0.1:{late.metrics}/metrics", trust_env=False).text
    assert 'andon_api_requests_total{method="GET",route="none",status="404"} 1.0' in text
