"""Webhooks over REST, through the client that people have."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from andon.adapters.postgres import webhooks
from tests.integration.api.conftest import Client
from tests.integration.api.test_console_of_webhooks import SECRET, URL, owe, secrets_of

API = "/api/v1/webhooks"


def test_a_secret_is_told_when_it_is_made_and_never_again(client: Client, database: psycopg.Connection[Any]) -> None:
    made = client.post(API, json={"url": URL}, headers={"Idempotency-Key": "once"})
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    secret = made.json.pop("secret")
    assert SECRET.fullmatch(secret)
    assert made.headers["Location"] == f"{API}/{made.json['id']}"
    shown = client.get(made.headers["Location"])
    assert {key: shown.json[key] for key in ("url", "secrets", "waiting")} == {"url": URL, "secrets": 1, "waiting": 0}
    assert client.get(API).json == {"items": [shown.json], "nextCursor": None}
    assert "andonw_" not in shown.text + client.get("/api/v1/audit").text
    kept = database.execute("SELECT count(*) FROM andon.idempotency_keys").fetchone()
    assert kept == (0,), "no answer with a secret is kept"


def test_a_secret_is_rotated_in_two_moves_and_deleted(client: Client, database: psycopg.Connection[Any]) -> None:
    at = client.post(API, json={"url": URL}).headers["Location"]
    newest = client.post(f"{at}/rotate").json
    assert (newest["secrets"], secrets_of(database)[0]) == (2, newest["secret"])
    again = client.post(f"{at}/rotate").json
    assert secrets_of(database) == [again["secret"], newest["secret"]], "the two that are newest"
    assert client.post(f"{at}/finish").json["secrets"] == 1
    assert secrets_of(database) == [again["secret"]]
    noted = client.get("/api/v1/audit").json["items"]
    assert [each["action"].partition(".")[2] for each in noted] == ["rotated", "rotated", "rotated", "created"]
    assert client.delete(at).status_code == 204
    for method, path in (("GET", at), ("DELETE", at), ("POST", f"{at}/rotate"), ("POST", f"{at}/finish")):
        assert client.open(path, method=method).status_code == 404


def test_deliveries_are_paged_and_sent_again(client: Client, database: psycopg.Connection[Any]) -> None:
    at = client.post(API, json={"url": URL}).headers["Location"]
    [webhook] = webhooks.list_webhooks(database)
    lost = owe(database, webhook.id, next_at=None)
    told = owe(database, webhook.id, next_at=None, delivered_at="2026-01-01Z", attempts=1)
    owed = owe(database, webhook.id, attempts=2)
    page = client.get(f"{at}/deliveries?limit=2").json
    assert [(each["id"], each["state"], each["attempts"]) for each in page["items"]] == [
        (owed, "owed", 2),
        (told, "told", 1),
    ]
    rest = client.get(f"{at}/deliveries?limit=2&cursor={page['nextCursor']}").json
    assert [(each["id"], each["state"]) for each in rest["items"]] == [(lost, "given up")]
    again = client.post(f"{at}/deliveries/{lost}/resend")
    assert (again.status_code, again.json["state"]) == (202, "owed")
    for delivery in (10**6, 2**63):
        assert client.post(f"{at}/deliveries/{delivery}/resend").status_code == 404


def test_another_webhooks_delivery_and_another_tenants_webhook_are_not_there(
    client: Client, database: psycopg.Connection[Any]
) -> None:
    mine = client.post(API, json={"url": URL}).headers["Location"]
    theirs, _ = webhooks.create_webhook(database, "acme", URL)
    others = [owe(database, webhooks.create_webhook(database, name, URL)[0]) for name in ("default", "acme")]
    assert [client.post(f"{mine}/deliveries/{each}/resend").status_code for each in others] == [404, 404]
    assert client.get(f"{API}/{theirs}").status_code == 404
    assert client.get(f"{API}/{theirs}/deliveries").status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"url": 3}, {"url": "http://app.example"}, {"url": "https://a:b@app.example"}, {"url": URL, "x": 1}]
)
def test_a_url_that_nothing_can_be_sent_to_names_the_field(client: Client, body: dict[str, Any]) -> None:
    answer = client.post(API, json=body)
    assert answer.status_code == 422, json.dumps(answer.json)
    assert answer.json["errors"][0]["pointer"] in {"/url", "/x"}


def test_an_eleventh_webhook_is_refused(client: Client) -> None:
    answers = [client.post(API, json={"url": URL}) for _ in range(webhooks.MOST + 1)]
    assert [each.status_code for each in answers] == [201] * webhooks.MOST + [409]
