"""Events over HTTP: native, CloudEvents, as Inngest's clients send them; and what each one did."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from redis import Redis

from andon.adapters.postgres.events import skips
from andon.adapters.postgres.events.skips import Reason, Skip
from andon.engine.declared.rules import CancelOn, cancel_key, rule_id
from tests.integration.api.conftest import Client, MakeRun

API = "/api/v1"
CLOUD = {"specversion": "1.0", "id": "c1", "source": "/billing", "type": "account/deleted", "data": {"accountId": 7}}


def test_one_event_or_a_list_is_accepted_and_ids_come_back_in_order(client: Client, bus: Redis) -> None:
    assert client.post(f"{API}/events", json={"name": "a/b", "id": "one"}).json == {"ids": ["one"]}
    answer = client.post(f"{API}/events", json=[{"name": "a/b", "id": "two"}, {"name": "a/c"}])
    assert answer.status_code == 202
    assert answer.json["ids"][0] == "two"
    assert bus.xlen("andon:events") == 3


def test_data_that_are_not_what_a_function_expects_are_refused_with_their_path(
    client: Client, database: psycopg.Connection[Any], bus: Redis
) -> None:
    shape = {"type": "object", "properties": {"pages": {"type": "array", "items": {"type": "integer"}}}}
    settings = {"triggers": [{"event": "book/*", "if": None}], "declaration": {"data": shape}}
    database.execute(
        "INSERT INTO andon.functions (id, module, trigger, cancel_on, settings) VALUES ('b', 'm', 'book/*', '[]', %s)",
        [json.dumps(settings)],
    )
    refused = client.post(f"{API}/events", json={"name": "book/added", "data": {"pages": [1, "two"]}})
    assert refused.status_code == 422
    assert refused.json["errors"] == [
        {"pointer": "/data/pages/1", "detail": "expected a whole number, got a text"},
    ]
    assert bus.xlen("andon:events") == 0
    assert client.post(f"{API}/events", json={"name": "book/added", "data": {"pages": [1]}}).status_code == 202
    assert client.post(f"{API}/events", json={"name": "film/added", "data": {"pages": "x"}}).status_code == 202


def test_an_id_that_was_used_has_no_second_effect(client: Client, bus: Redis) -> None:
    for _ in range(2):
        assert client.post(f"{API}/events", json={"name": "a/b", "id": "x"}).json == {"ids": ["x"]}
    assert bus.xlen("andon:events") == 1


def test_an_event_that_cancels_by_a_field_names_the_runs_that_it_stops(
    client: Client, make_run: MakeRun, database: psycopg.Connection[Any], bus: Redis
) -> None:
    client.post(f"{API}/events", json={"name": "video/requested", "id": "asked", "data": {"videoId": 7}})
    run_id = make_run("asked", function_id="render")
    rule = CancelOn("video/cancelled", match="data.videoId")
    key = cancel_key("default", "render", rule, {"videoId": 7})
    database.execute(
        "INSERT INTO andon.rules (id, function_id, event, path)"
        " VALUES (%s, 'render', 'video/cancelled', 'data.videoId')",
        [rule_id("render", rule)],
    )
    database.execute(
        "INSERT INTO andon.cancel_keys (run_id, key, event_seq) SELECT %s, %s, event_seq FROM andon.runs", [run_id, key]
    )
    before = bus.xlen("andon:events")
    cancel = {"name": "video/cancelled", "id": "c", "data": {"videoId": 7}}
    assert client.post(f"{API}/events", json={**cancel, "data": {"videoId": 8}, "id": "no"}).json == {"ids": ["no"]}
    answer = client.post(f"{API}/events", json=cancel).json
    assert answer == {"ids": ["c"], "stops": {"runs": [str(run_id)], "many": False}}
    assert client.get(f"{API}/runs/{run_id}").json["status"] == "cancelled"
    assert bus.xlen("andon:events") == before + 3  # both cancels, and the run's end


def test_the_log_is_newest_first_filtered_by_name_and_paged(client: Client) -> None:
    client.post(f"{API}/events", json=[{"name": "a/b", "id": str(n)} for n in range(3)] + [{"name": "c/d"}])
    first = client.get(f"{API}/events?name=a/b&limit=2").json
    second = client.get(f"{API}/events?name=a/b&limit=2&cursor={first['nextCursor']}").json
    assert [each["id"] for each in first["items"] + second["items"]] == ["2", "1", "0"]
    assert second["nextCursor"] is None
    assert set(first["items"][0]) >= {"id", "name", "data", "ts", "user", "seq", "effects"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": "with space"}, "/name"),
        ({"name": 3}, "/name"),
        ({"name": "a/b", "data": [1]}, "/data"),
        ({"name": "a/b", "data": {"x": "\x00"}}, "/data"),
        ({"name": "a/b", "data": {"x": "\ud800"}}, "/data"),
        ({"name": "a/b", "data": {"x": "y" * 300_000}}, "/data"),
        ({"name": "a/b", "ts": "yesterday"}, "/ts"),
        ({"name": "a/b", "id": 5}, "/id"),
        ({"name": "a/b", "datas": {}}, "/datas"),
        ([{"name": "a/b"}, {"name": ""}], "/1/name"),
    ],
)
def test_a_wrong_event_is_refused_whole_and_the_field_named(client: Client, body: Any, pointer: str) -> None:
    answer = client.post(f"{API}/events", data=json.dumps(body), content_type="application/json")
    assert answer.status_code == 422, answer.text
    assert answer.json["errors"][0]["pointer"] == pointer
    assert client.get(f"{API}/events").json["items"] == []


@pytest.mark.parametrize("body", ["", "{", '{"name": NaN}', "\xff"])
def test_a_body_that_is_not_json_is_a_bad_request(client: Client, body: str) -> None:
    answer = client.post(f"{API}/events", data=body.encode("latin-1"), content_type="application/json")
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")


def test_another_media_type_is_unsupported(client: Client) -> None:
    assert client.post(f"{API}/events", data="name=a", content_type="text/plain").status_code == 415
    assert client.post(f"{API}/reports", data="<a/>", content_type="text/xml").status_code == 415


def test_cloudevents_are_taken_structured_and_in_batches(client: Client) -> None:
    one = {**CLOUD, "time": "2026-05-01T12:00:00+02:00", "subject": "account 7"}
    answer = client.post(f"{API}/events", data=json.dumps(one), content_type="application/cloudevents+json")
    assert (answer.status_code, answer.json) == (202, {"ids": ["c1"]})
    event = client.get(f"{API}/events/c1").json
    assert (event["name"], event["data"], event["ts"]) == (
        "account/deleted",
        {"accountId": 7},
        "2026-05-01T10:00:00.000000Z",
    )
    assert event["user"] == {"source": "/billing", "subject": "account 7"}
    batch = json.dumps([{**CLOUD, "id": "c2"}, {**CLOUD, "id": "c3"}])
    answer = client.post(f"{API}/events", data=batch, content_type="application/cloudevents-batch+json")
    assert answer.json == {"ids": ["c2", "c3"]}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [({"specversion": "0.3"}, "/specversion"), ({"source": ""}, "/source"), ({"type": "a b"}, "/type")],
)
def test_a_wrong_cloudevent_is_refused(client: Client, change: dict[str, Any], pointer: str) -> None:
    body = json.dumps({**CLOUD, **change})
    answer = client.post(f"{API}/events", data=body, content_type="application/cloudevents+json")
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, pointer)


def test_inngest_clients_are_understood(client: Client) -> None:
    body = {"name": "a/b", "data": {"n": 1}, "user": {"id": "u"}, "ts": 1_700_000_000_000, "v": "2", "other": True}
    answer = client.post("/e/any-key", data=json.dumps([body]))
    assert (answer.status_code, answer.json["status"]) == (200, 200)
    event = client.get(f"{API}/events/{answer.json['ids'][0]}").json
    assert (event["user"], event["ts"]) == ({"id": "u"}, "2023-11-14T22:13:20.000000Z")


def test_a_retry_of_an_inngest_client_has_no_second_effect(client: Client, bus: Redis) -> None:
    headers = {"x-inngest-event-id-seed": "1700000000000,abcd"}
    first, second = (client.post("/e/key", json=[{"name": "a/b"}, {"name": "a/b"}], headers=headers) for _ in "12")
    assert first.json["ids"] == second.json["ids"]
    assert bus.xlen("andon:events") == 2


def test_an_inngest_client_finds_the_error_where_it_looks(client: Client) -> None:
    answer = client.post("/e/key", json={"data": {}})
    assert answer.status_code == 422
    assert "name" in answer.json["error"]


def test_an_event_shows_what_it_started(client: Client, make_run: MakeRun) -> None:
    client.post(f"{API}/events", json={"name": "a/b", "id": "x"})
    run_id = make_run("x", function_id="f")
    assert client.get(f"{API}/events/x").json["effects"] == {
        "started": [str(run_id)],
        "cancelled": [],
        "skipped": [],
    }
    assert [each["id"] for each in client.get(f"{API}/runs?eventId=x").json["items"]] == [str(run_id)]
    assert f'id="row-{run_id}"' in client.get("/events/x").text


def test_an_event_says_why_it_started_nothing_in_the_api_and_in_the_console(
    client: Client, make_run: MakeRun, database: psycopg.Connection[Any]
) -> None:
    client.post(f"{API}/events", json=[{"name": "a/b", "id": "first"}, {"name": "a/b", "id": "second"}])
    first, seq = make_run("first"), client.get(f"{API}/events/second").json["seq"]
    skip = Skip(seq, "render", Reason.SINGLETON, first, {"key": "data.reportId = \x007"})
    skips.record(database, [skip, Skip(seq, "mail", Reason.RATE_LIMITED)])
    skips.record(database, [Skip(seq, "render", Reason.IDEMPOTENT)])
    mail, render = client.get(f"{API}/events/second").json["effects"]["skipped"]
    assert (mail["functionId"], mail["why"]) == ("mail", "its rate limit was reached")
    assert (render["reason"], render["byRun"]) == ("singleton", str(first)), "the first reason stays"
    assert render["why"] == "a run of the same singleton key was open: data.reportId = \ufffd7"
    assert render["detail"] == {"key": "data.reportId = \ufffd7"}
    page = client.get("/events/second").text
    assert page.count('data-testid="skip"') == 2
    assert f"/runs/{first}" in page


def test_a_reason_that_only_a_newer_release_knows_is_shown_as_it_is(
    client: Client, database: psycopg.Connection[Any]
) -> None:
    client.post(f"{API}/events", json={"name": "a/b", "id": "x"})
    made_by_it = "INSERT INTO andon.skips (event_seq, function_id, reason) SELECT seq, 'f', 'new' FROM andon.events"
    database.execute(made_by_it)
    assert client.get(f"{API}/events/x").json["effects"]["skipped"][0]["why"] == "new"


def test_a_cancel_event_that_cancelled_nothing_says_why(
    client: Client, make_run: MakeRun, report: dict[str, Any]
) -> None:
    client.post(f"{API}/events", json={"name": "a/b", "id": "x"})
    make_run("x")
    cancel = {"name": "report/generation.cancelled"}
    client.post(f"{API}/events", json=[{**cancel, "id": "no-field"}, {**cancel, "id": "none", "data": {"reportId": 1}}])
    assert "no field data.reportId" in client.get(f"{API}/events/no-field").json["note"]
    assert "There is no run" in client.get(f"{API}/events/none").json["note"]


def test_an_event_that_nobody_listens_to_says_so_and_is_told_from_others_in_the_list(client: Client) -> None:
    client.post(f"{API}/events", json={"name": "report/generation.cancled", "id": "x", "data": {"reportId": "r7"}})
    said = client.get(f"{API}/events/x").json["note"]
    assert said == "No function starts, or is cancelled, on report/generation.cancled."
    assert said in client.get("/events/x").text
    assert "r7" in client.get("/events").text


def test_an_event_that_is_not_there_is_not_found(client: Client) -> None:
    for id in ("nothing", "with/slash", "%00"):
        assert client.get(f"{API}/events/{id}").status_code == 404


def binary(**attributes: str) -> dict[str, str]:
    named = {"specversion": "1.0", "id": "c1", "source": "/billing", "type": "account/deleted", **attributes}
    return {f"ce-{name}": value for name, value in named.items()}


def test_a_cloud_event_in_binary_mode_has_its_attributes_in_headers(client: Client) -> None:
    headers = binary(subject="Z%C3%BCrich", time="2026-01-02T03:04:05Z")
    answer = client.post(f"{API}/events", json={"accountId": 7}, headers=headers)
    assert (answer.status_code, answer.json) == (202, {"ids": ["c1"]})
    event = client.get(f"{API}/events/c1").json
    assert (event["name"], event["data"]) == ("account/deleted", {"accountId": 7})
    assert event["ts"] == "2026-01-02T03:04:05.000000Z"
    assert event["user"] == {"source": "/billing", "subject": "Zürich"}


def test_a_cloud_event_in_binary_mode_may_have_no_data(client: Client) -> None:
    assert client.post(f"{API}/events", headers=binary()).status_code == 202
    assert client.get(f"{API}/events/c1").json["data"] == {}


@pytest.mark.parametrize(
    ("headers", "body", "status", "named"),
    [
        (binary(specversion="0.3"), "{}", 422, "specversion"),
        (binary(type=""), "{}", 422, "type"),
        (binary(), "[1]", 422, "data"),
        (binary(), "{", 400, "JSON"),
        ({**binary(), "Content-Type": "text/plain"}, "hello", 415, "text/plain"),
    ],
)
def test_a_wrong_cloud_event_in_binary_mode_says_what_is_wrong(
    client: Client, headers: dict[str, str], body: str, status: int, named: str
) -> None:
    answer = client.post(f"{API}/events", data=body, headers={"Content-Type": "application/json", **headers})
    assert (answer.status_code, named in answer.json["detail"]) == (status, True), answer.text
