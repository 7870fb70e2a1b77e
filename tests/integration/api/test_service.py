"""What holds for every call: problems, health, the OpenAPI document, and stores that are away."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from redis import Redis

from andon.adapters.postgres import workers
from andon.embedded.ports import free_port
from andon.settings import Settings
from tests.integration.api.conftest import Client, MakeApp

API = "/api/v1"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("PUT", "/api/v1/reports", 405),
        ("TRACE", "/api/v1/reports", 405),
        ("TRACE", "/", 405),
        ("DELETE", "/healthz", 405),
    ],
)
def test_every_error_is_a_problem_document(client: Client, method: str, path: str, status: int) -> None:
    answer = client.open(path, method=method)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json") or path == "/"
    if status == 405:
        assert "GET" in answer.headers["Allow"]
    if path != "/":
        assert set(answer.json) >= {"type", "title", "status", "detail", "instance"}


def test_a_body_that_is_not_json_is_a_bad_request(client: Client) -> None:
    answer = client.post(f"{API}/reports", data="{", content_type="application/json")
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")


def test_a_parameter_without_a_name_is_refused(client: Client) -> None:
    answer = client.get(f"{API}/reports?=x")
    assert (answer.status_code, answer.json["errors"][0]["parameter"]) == (422, "")


def test_a_json_body_that_is_too_large_is_refused(client: Client) -> None:
    body = b'"' + b"x" * 17_000_000 + b'"'
    assert client.post(f"{API}/events", data=body, content_type="application/json").status_code == 413


def test_pages_of_other_sites_cannot_act(client: Client) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert client.post(f"{API}/reports", json={"title": "a"}, headers=headers).status_code == 403
    assert client.get(f"{API}/reports", headers=headers).status_code == 200


def test_readiness_tells_what_is_missing(client: Client, database: psycopg.Connection[Any]) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (200, "degraded")
    assert answer.json["checks"]["dispatcher"] != "ok"
    database.execute(
        "INSERT INTO andon.dispatcher_leases (partition, holder, lease_until) VALUES (0, 'x', now() + interval '1 min')"
    )
    assert client.get("/readyz").json["status"] == "ok"
    database.execute("UPDATE andon.alembic_version SET version_num = 'other'")
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


def test_readiness_tells_of_a_redis_that_takes_nothing(client: Client, redis: Redis) -> None:
    redis.config_set("maxmemory", 1)
    try:
        answer = client.get("/readyz")
    finally:
        redis.config_set("maxmemory", 0)
    assert (answer.status_code, answer.json["checks"]["redis"]) == (200, "takes nothing: its memory is full")
    redis.replicaof("127.0.0.1", 1)
    try:
        assert client.get("/readyz").json["checks"]["redis"] == "takes nothing: it is read-only"
    finally:
        redis.replicaof("NO", "ONE")
    assert client.get("/readyz").json["checks"]["redis"] == "ok"


def test_readiness_tells_of_events_that_wait_although_somebody_leads(
    client: Client, database: psycopg.Connection[Any]
) -> None:
    database.execute("INSERT INTO andon.dispatcher_leases (partition, holder, lease_until) VALUES (0, 'x', 'infinity')")
    assert client.post(f"{API}/events", json={"name": "a/b"}).status_code == 202
    assert client.get("/readyz").json["checks"]["dispatcher"] == "ok"
    database.execute("UPDATE andon.outbox SET created_at = now() - interval '5 min'")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (200, "degraded")
    assert answer.json["checks"]["dispatcher"].startswith("one leads, and an event has waited 30")


def test_a_read_only_postgres_is_read_and_what_would_write_is_told_to_come_back(
    make_app: MakeApp, settings: Settings, database: psycopg.Connection[Any]
) -> None:
    name = database.info.dbname
    database.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'.encode())
    client: Client = make_app(settings).test_client()
    answer = client.post(f"{API}/events", json={"name": "a/b"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "read-only" in answer.json["detail"]
    assert client.get(f"{API}/reports").status_code == 200
    assert client.get("/readyz").json["checks"]["postgres"] == "is read-only"


def test_a_lock_on_a_table_is_waited_for_no_longer_than_a_client_waits(
    client: Client, database: psycopg.Connection[Any], database_url: str
) -> None:
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE andon.runs IN ACCESS EXCLUSIVE MODE")
        answer = client.get(f"{API}/runs")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert client.get("/healthz").status_code == 200
    assert client.get(f"{API}/runs").status_code == 200


def test_metrics_count_requests_by_route(client: Client) -> None:
    client.get(f"{API}/reports/nonsense")
    text = client.get("/metrics").text
    assert 'andon_api_requests_total{method="GET",route="/api/v1/reports/<id>",status="404"} 1.0' in text


def test_the_openapi_document_describes_problems_and_every_route(client: Client) -> None:
    spec = client.get(f"{API}/openapi.json").json
    assert spec["openapi"] == "3.1.0"
    assert list(spec["components"]["responses"]["Problem404"]["content"]) == ["application/problem+json"]
    for path in ("/reports/{id}/cancel", "/events", "/runs/{id}", "/datasets", "/dead-events", "/functions"):
        assert f"{API}{path}" in spec["paths"]
    assert client.get("/docs").status_code == 200


def test_with_redis_away_requests_are_accepted_and_fast(
    make_app: MakeApp, settings: Settings, database: psycopg.Connection[Any]
) -> None:
    client: Client = make_app(replace(settings, redis_url=f"redis://127.0.0.1:{free_port()}/0")).test_client()
    began = time.monotonic()
    for _ in range(10):
        assert client.post(f"{API}/events", json={"name": "a/b"}).status_code == 202
    assert time.monotonic() - began < 20  # far less than ten time-outs
    assert database.execute("SELECT count(*) FROM andon.outbox").fetchone() == (10,)
    assert client.get("/readyz").json["checks"]["redis"] == "does not answer"


def test_with_postgres_away_requests_are_told_to_come_back(make_app: MakeApp, settings: Settings) -> None:
    url = f"postgresql://andon@127.0.0.1:{free_port()}/andon"
    client: Client = make_app(replace(settings, database_url=url)).test_client()
    for answer in (client.get(f"{API}/reports"), client.post(f"{API}/events", json={"name": "a/b"})):
        assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
        assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("send", [False, True])
def test_a_connection_that_died_in_the_pool_is_replaced(
    client: Client, database: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, send: bool
) -> None:
    monkeypatch.setattr("andon_api.database.TRUSTED_SECONDS", 0.0)
    assert client.get(f"{API}/reports").status_code == 200
    ended = database.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE application_name = 'andon-api' AND datname = current_database()"
    )
    assert ended.fetchall() == [(True,)]
    if send:
        assert client.post(f"{API}/events", json={"name": "a/b"}).status_code == 202
    else:
        assert client.get(f"{API}/reports").status_code == 200


def test_the_workers_that_are_there_are_listed(client: Client, database: psycopg.Connection[Any]) -> None:
    assert client.get("/api/v1/workers").json == {"items": [], "nextCursor": None}
    workers.seen(database, workers.Present("host:1:abc", 8, 3, "0.1.0", "blue", ["default"], 2))
    workers.seen(database, workers.Present("host:1:abc", 8, 4, "0.1.0", "blue", ["default"], 2))
    workers.seen(database, workers.Present("host:2:def", 8, 0, "0.1.0", "", [], 2))
    database.execute("UPDATE andon.workers SET seen_at = now() - interval '2 min' WHERE id = 'host:2:def'")
    [found] = client.get("/api/v1/workers").json["items"]
    assert (found["id"], found["lanes"], found["busy"], found["release"]) == ("host:1:abc", 8, 4, "blue")
