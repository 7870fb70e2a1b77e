"""A function whose stored rules or settings can't be read stops nobody: others are shown, and events are taken."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.integration.api.conftest import Client


@pytest.mark.parametrize("rules", ['"a"', "7", "null", '[7, null, [], {}, {"event": 7}, {"event": "x", "match": 7}]'])
@pytest.mark.parametrize("stored", ['"a"', "[]", '{"retries": {}}'])
def test_the_others_go_on(client: Client, database: psycopg.Connection[Any], rules: str, stored: str) -> None:
    database.execute(
        "INSERT INTO andon.functions (id, module, trigger, cancel_on, settings) VALUES"
        " ('broken', 'm', 't', %s, %s), ('whole', 'm', 'a/b', '[{\"event\": \"a/c\", \"match\": \"data.id\"}]', '{}')",
        [rules, stored],
    )
    sent = client.post("/api/v1/events", json={"name": "a/c", "id": "1", "data": {"id": 7}})
    assert sent.status_code == 202
    assert "whole with data.id = 7" in client.get("/api/v1/events/1").json["note"]
    assert {each["id"] for each in client.get("/api/v1/functions").json["items"]} == {"broken", "whole"}
    for page in ("/functions", "/events", "/runs", "/cancellations"):
        assert client.get(page).status_code == 200
