"""Dead events are replayed: the same bytes, under the id that they had."""

from __future__ import annotations

import base64
import json
from typing import Any

import psycopg
import pytest
from redis import Redis

from andon.adapters.redis import bus as andon_bus
from tests.integration.api.conftest import Client

API = "/api/v1"
Bury = Any


@pytest.fixture
def bury(database: psycopg.Connection[Any]) -> Bury:
    """Buries an entry as the dispatcher does, and returns its number."""

    def do(fields: dict[bytes, bytes], tenant: str = "default") -> int:
        kept = [[base64.b64encode(part).decode() for part in pair] for pair in fields.items()]
        [id] = database.execute(
            "INSERT INTO andon.dead_events (stream_id, tenant, fields, reason)"
            " VALUES (gen_random_uuid()::text, %s, %s::jsonb, 'v: expected version 1') RETURNING id",
            [tenant, json.dumps(kept)],
        ).fetchone() or [0]
        return int(id)

    return do


def on_the_bus(bus: Redis) -> list[Any]:
    """The fields of every entry."""
    return [entry for _, entry in bus.xrange("andon:events") or []]


def test_a_replayed_entry_has_its_bytes_and_the_id_that_the_dispatcher_would_have_given_it(
    client: Client, bus: Redis, bury: Bury
) -> None:
    fields = {b"name": b"a/b", b"data": b'{"x":"\xff"}'}
    id = bury(fields)
    [dead] = client.get(f"{API}/dead-events").json["items"]
    for _ in range(2):
        answer = client.post(f"{API}/dead-events/{id}/replay")
        assert (answer.status_code, answer.json["replayedAt"] is None) == (202, False)
    entries = on_the_bus(bus)
    expected = f"{dead['streamId']}-{andon_bus.digest(fields)}".encode()
    assert entries == [{**fields, b"id": expected}] * 2


def test_an_id_of_its_own_stays(client: Client, bus: Redis, bury: Bury) -> None:
    fields = {b"name": b"a/b", b"id": b"mine", b"v": b"2"}
    client.post(f"{API}/dead-events/{bury(fields)}/replay")
    assert on_the_bus(bus) == [fields]


def test_what_was_not_kept_whole_is_not_replayed(client: Client, bus: Redis, bury: Bury) -> None:
    answer = client.post(f"{API}/dead-events/{bury({b'data': b'x' * 2**20})}/replay")
    assert (answer.status_code, bus.exists("andon:events")) == (409, 0)


def test_another_tenants_dead_events_are_not_there(client: Client, bus: Redis, bury: Bury) -> None:
    for id in (bury({b"name": b"a/b"}, "acme"), 10**30, 0):
        assert client.post(f"{API}/dead-events/{id}/replay").status_code == 404
    assert bus.exists("andon:events") == 0


def test_an_event_that_was_accepted_goes_back_to_the_outbox_and_only_once(
    client: Client, bus: Redis, bury: Bury, database: psycopg.Connection[Any]
) -> None:
    [id] = client.post(f"{API}/events", json={"name": "a/b"}).json["ids"]
    seq = database.execute("DELETE FROM andon.outbox RETURNING event_seq").fetchone()
    bus.delete("andon:events")
    dead = bury({b"name": b"a/b", b"id": id.encode()})
    database.execute("UPDATE andon.dead_events SET event_seq = %s", seq)
    assert client.post(f"{API}/dead-events/{dead}/replay").status_code == 202
    assert database.execute("DELETE FROM andon.outbox RETURNING event_seq").fetchall() == [seq]
    assert client.post(f"{API}/dead-events/{dead}/replay").status_code == 202
    assert database.execute("SELECT event_seq FROM andon.outbox").fetchall() == []
    assert bus.exists("andon:events") == 0


def test_the_console_offers_replay(client: Client, bus: Redis, bury: Bury) -> None:
    id = bury({b"name": b"a/b"})
    assert 'data-testid="replay"' in client.get("/dead-events").text
    answer = client.post(f"/dead-events/{id}/replay", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Trigger"], bus.xlen("andon:events")) == (200, "changed", 1)
    assert "Replayed" in client.get("/dead-events").text
