"""How much a key may do: requests in a minute, runs that wait, streams; and what it may send."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from redis import Redis

from andon.embedded.ports import free_port
from andon.settings import Settings
from andon_api.services import KEY
from andon_api.share import Share
from tests.integration.api.access.conftest import API, Caller, MakeKey, Things
from tests.integration.api.conftest import MakeApp

EVENTS = f"{API}/events"
REQUESTED = "report/generation.requested"
CANCELLED = "report/generation.cancelled"


def test_a_key_that_calls_too_often_is_told_when_to_come_back(
    make_app: MakeApp, guarded: Settings, make_key: MakeKey, bus: Redis
) -> None:
    client = make_app(replace(guarded, rate_limit=10)).test_client()
    one, other = Caller(client, make_key()), Caller(client, make_key())
    answers = [one.open(f"{API}/reports") for _ in range(11)]
    assert [each.status_code for each in answers] == [200] * 10 + [429]
    assert answers[0].headers["RateLimit-Policy"] == '"key";q=10;w=60'
    assert answers[0].headers["RateLimit"] == '"key";r=9;t=6'
    assert answers[-1].headers["RateLimit"].startswith('"key";r=0;t=')
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 6
    assert other.open(f"{API}/reports").status_code == 200
    [bucket] = [key for key in bus.scan_iter("andon:rate:*") if bus.hget(key, "tokens")][:1]
    assert 0 < int(bus.ttl(bucket)) <= 61


def test_with_redis_away_nobody_is_held_up(make_app: MakeApp, guarded: Settings, make_key: MakeKey) -> None:
    away = replace(guarded, rate_limit=1, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    caller = Caller(make_app(away).test_client(), make_key())
    began = time.monotonic()
    assert [caller.open(f"{API}/reports").status_code for _ in range(5)] == [200] * 5
    assert time.monotonic() - began < 20  # less than five time-outs of five seconds


def test_a_tenant_with_too_many_waiting_runs_may_still_cancel(
    make_app: MakeApp, guarded: Settings, make_key: MakeKey, things: Things, database: psycopg.Connection[Any]
) -> None:
    database.execute("UPDATE andon.runs SET status = 'queued', ended_at = NULL")
    client = make_app(replace(guarded, queued_runs_limit=1)).test_client()
    acme, rival = Caller(client, make_key()), Caller(client, make_key("rival"))
    full = acme.open(EVENTS, "POST", json={"name": REQUESTED, "data": {}})
    assert (full.status_code, "Retry-After" in full.headers) == (429, True)
    report = acme.open(f"{API}/reports/{things.report}/generate", "POST")
    assert report.status_code == 429
    assert acme.open(f"{API}/reports/{things.report}").json["status"] == "failed"
    cancel = {"name": CANCELLED, "data": {"reportId": things.report}}
    assert acme.open(EVENTS, "POST", json=cancel).status_code == 202
    assert acme.open(EVENTS, "POST", json={"name": "starts/nothing"}).status_code == 202
    assert rival.open(EVENTS, "POST", json={"name": REQUESTED, "data": {}}).status_code == 202


def test_what_was_accepted_and_not_dispatched_yet_counts_as_waiting(
    make_app: MakeApp, guarded: Settings, make_key: MakeKey, things: Things
) -> None:
    limited, key = replace(guarded, queued_runs_limit=6), make_key("rival")
    rival = Caller(make_app(limited).test_client(), key)
    many = [{"name": REQUESTED, "data": {}}] * 4
    assert [rival.open(EVENTS, "POST", json=many).status_code for _ in range(3)] == [202, 202, 429]
    elsewhere = Caller(make_app(limited).test_client(), key)
    assert elsewhere.open(EVENTS, "POST", json=many[:1]).status_code == 429, "it counts what is in the outbox"
    assert elsewhere.open(EVENTS, "POST", json={"name": "starts/nothing"}).status_code == 202


@pytest.mark.parametrize("name", [CANCELLED, "andon/run.cancelled", "andon/runs.cancelled"])
def test_an_event_that_cancels_takes_the_scope_cancel(
    make_app: MakeApp, guarded: Settings, make_key: MakeKey, things: Things, name: str
) -> None:
    client = make_app(guarded).test_client()
    writer, canceller = (Caller(client, make_key("acme", [scope])) for scope in ("write", "cancel"))
    data = {"reportId": things.report, "runId": things.run, "functionId": "generate-hybrid-report"}
    body = {"name": name, "data": data}
    for path, given in ((EVENTS, {"json": body}), ("/events", {"data": {"name": name, "data": json.dumps(data)}})):
        refused = writer.open(path, "POST", **given)
        assert refused.status_code == 403
        assert "scope cancel" in refused.text
        assert canceller.open(path, "POST", **given).status_code in {200, 202}
    assert client.post(f"/e/{writer.secret}", json=body).status_code == 403
    assert client.post(f"/e/{canceller.secret}", json=body).status_code == 200


def test_an_event_that_starts_takes_the_scope_write(caller: Callable[..., Caller], things: Things) -> None:
    mixed = [{"name": CANCELLED, "data": {}}, {"name": REQUESTED, "data": {}}]
    assert caller("acme", ["cancel"]).open(EVENTS, "POST", json=mixed).status_code == 403
    assert caller("acme", ["write", "cancel"]).open(EVENTS, "POST", json=mixed).status_code == 202


def test_what_was_asked_tells_the_keys_name(caller: Callable[..., Caller], things: Things) -> None:
    [id] = caller("acme").open(EVENTS, "POST", json={"name": "a/b"}).json["ids"]
    assert caller("acme").open(f"{EVENTS}/{id}").json["user"] == {"id": "ann"}


def test_no_tenant_takes_every_stream(
    make_app: MakeApp, guarded: Settings, make_key: MakeKey, things: Things, database: psycopg.Connection[Any]
) -> None:
    database.execute("UPDATE andon.runs SET status = 'running', ended_at = NULL")
    app = make_app(guarded)
    app.extensions[KEY].live.streams = Share(4, 3)  # three quarters of four
    client = app.test_client()
    acme = Caller(client, make_key())
    path = f"{API}/runs/{things.run}/stream"
    streams = [acme.open(path, buffered=False) for _ in range(4)]
    assert [each.status_code for each in streams] == [200, 200, 200, 503]
    rival = Caller(client, make_key("rival"))
    report = rival.open(f"{API}/reports", "POST", json={"title": "mine"}).json["id"]
    streams.append(rival.open(f"{API}/reports/{report}/stream", buffered=False))
    assert streams[-1].status_code == 200
    for each in streams:
        each.close()


def test_a_stream_ends_with_its_key(
    make_app: MakeApp, guarded: Settings, make_key: MakeKey, things: Things, database: psycopg.Connection[Any]
) -> None:
    database.execute("UPDATE andon.runs SET status = 'running', ended_at = NULL")
    answer = Caller(make_app(guarded).test_client(), make_key()).open(f"{API}/runs/{things.run}/stream", buffered=False)
    messages = (each.decode() for each in answer.response if each)
    assert "retry" in next(messages)
    assert "event: run" in next(messages)
    database.execute("UPDATE andon.api_keys SET revoked_at = now()")
    problem = next(messages)
    assert "event: problem" in problem
    assert '"status": 401' in problem
    assert list(messages) == []
    answer.close()


def test_metrics_can_be_closed_too(make_app: MakeApp, guarded: Settings, make_key: MakeKey) -> None:
    client = make_app(replace(guarded, metrics_auth="on")).test_client()
    assert client.get("/metrics").status_code == 401
    assert Caller(client, make_key()).open("/metrics").status_code == 200
