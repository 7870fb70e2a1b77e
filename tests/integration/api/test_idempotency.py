"""One Idempotency-Key, one effect."""

from __future__ import annotations

from typing import Any

import psycopg
from redis import Redis

from tests.integration.api.conftest import Client

API = "/api/v1"


def key(name: str) -> dict[str, str]:
    return {"Idempotency-Key": name}


def test_the_same_request_again_gets_the_same_answer_and_has_no_second_effect(
    client: Client, report: dict[str, Any], bus: Redis
) -> None:
    path = f"{API}/reports/{report['id']}/generate"
    first, second = (client.post(path, headers=key("k")) for _ in range(2))
    assert (first.status_code, first.json) == (second.status_code, second.json)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert bus.xlen("andon:events") == 1


def test_another_body_under_the_same_key_is_refused(client: Client) -> None:
    assert client.post(f"{API}/reports", json={"title": "a"}, headers=key("k")).status_code == 201
    assert client.post(f"{API}/reports", json={"title": "b"}, headers=key("k")).status_code == 422
    assert client.post(f"{API}/events", json={"name": "a/b"}, headers=key("k")).status_code == 422


def test_a_request_that_failed_leaves_its_key_free(client: Client) -> None:
    assert client.post(f"{API}/reports", json={"title": "", "options": {}}, headers=key("k")).status_code == 422
    assert client.post(f"{API}/reports", json={"title": "a"}, headers=key("k")).status_code == 201


def test_while_the_first_is_in_flight_the_second_conflicts(client: Client, database: psycopg.Connection[Any]) -> None:
    with database.transaction():
        database.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", ["default\nk"])
        answer = client.post(f"{API}/reports", json={"title": "a"}, headers=key("k"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "1")
    assert client.get(f"{API}/reports").json["items"] == []
    assert client.post(f"{API}/reports", json={"title": "a"}, headers=key("k")).status_code == 201


def test_a_key_that_is_too_long_is_refused(client: Client) -> None:
    assert client.post(f"{API}/reports", json={"title": "a"}, headers=key("k" * 256)).status_code == 400
