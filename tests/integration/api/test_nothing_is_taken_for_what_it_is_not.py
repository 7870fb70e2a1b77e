"""Strict bodies and queries: no value is made into another, and every refusal names its field."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.integration.api.conftest import Client, MakeRun

API = "/api/v1"
FUNCTION = "generate-hybrid-report"


@pytest.fixture
def run(client: Client, report: dict[str, Any], make_run: MakeRun) -> str:
    """A run that waits."""
    asked = client.post(f"{API}/reports/{report['id']}/generate").json
    return str(make_run(asked["eventId"], report_id=report["id"]))


@pytest.mark.parametrize("given", [0, 1, "no", "yes", "true", "false", "", None, [], {}, 0.0])
def test_a_dry_run_is_said_by_true_or_false_alone(
    client: Client, run: str, database: psycopg.Connection[Any], given: Any
) -> None:
    answer = client.post(f"{API}/cancellations", json={"functionId": FUNCTION, "dryRun": given})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/dryRun")
    assert database.execute("SELECT count(*) FROM andon.wide_cancellations").fetchone() == (0,)
    assert client.get(f"{API}/runs/{run}").json["status"] == "queued"


@pytest.mark.parametrize(
    ("path", "good", "field", "wrong"),
    [
        ("/reports", {"title": "t"}, "title", [1, True, None, [], {}, "", " ", "a\x00", "\ud800", "a" * 201]),
        ("/reports", {"title": "t"}, "datasetId", [1, True, "x", "", [], {}, str(uuid4()).encode().hex()[:30]]),
        ("/reports", {"title": "t"}, "options", [1, "x", None, [], True, {"confidence": "0.9"}, {"x": "\x00"}]),
        ("/reports", {"title": "t"}, "options", [{"confidence": 10**299}, {"resamples": True}, {"resamples": 1.0}]),
        ("/cancellations", {"functionId": FUNCTION}, "functionId", [1, None, True, [], "no-such"]),
        ("/cancellations", {"functionId": FUNCTION}, "startedAfter", [1, True, "yesterday", "2026-01-01"]),
        ("/cancellations", {"functionId": FUNCTION}, "startedAfter", ["2026-01-01T00:00:00", "2026-13-01T00:00:00Z"]),
        ("/cancellations", {"functionId": FUNCTION}, "startedBefore", ["0001-01-01T00:00:00+14:00"]),
        ("/cancellations", {"functionId": FUNCTION}, "if", [1, True, [], {}]),
        ("/cancellations", {"functionId": FUNCTION}, "reason", [1, True, "", "a" * 501]),
        ("/events", {"name": "a/b"}, "id", [1, None, True, []]),
        ("/events", {"name": "a/b"}, "data", [1, None, True, [], "x"]),
        ("/events", {"name": "a/b"}, "ts", [None, True, [], "x", "2026-01-01", 10**25]),
        ("/events", {"name": "a/b"}, "name", [1, None, True, [], "", " ", "a b"]),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused_by_the_name_of_its_field(
    client: Client, run: str, path: str, good: dict[str, Any], field: str, wrong: list[Any]
) -> None:
    for value in wrong:
        answer = client.post(f"{API}{path}", json={**good, field: value})
        assert answer.status_code == 422, (value, answer.text)
        assert answer.json["errors"][0]["pointer"].startswith(f"/{field}"), (value, answer.text)


@pytest.mark.parametrize("body", [b"", None])
def test_a_body_that_is_needed_is_asked_for(client: Client, report: dict[str, Any], body: bytes | None) -> None:
    headers = {"Content-Type": "application/json"} if body is not None else {}
    for method, path in (("PATCH", f"/reports/{report['id']}"), ("POST", "/reports"), ("POST", "/cancellations")):
        answer = client.open(f"{API}{path}", method=method, data=body, headers=headers)
        assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, ""), path
    assert client.post(f"{API}/reports/{report['id']}/generate", data=body, headers=headers).status_code == 202


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "1",
        '"x"',
        "{",
        "{} {}",
        "NaN",
        '{"title": NaN}',
        '{"title": Infinity}',
        '{"title": 1e999}',
        "[" * 5000,
        "[" * 5000 + "]" * 5000,
        '{"a":' * 99 + "[[[" + "]]]" + "}" * 99,
        "1" * 5000,
        '{"title": ' + "9" * 400 + "}",
        '{"title": "a", "title": "b"}',
        '{"name": "a/b", "functionId": "f", "title": "t", "data": {"a": {"b": 1, "b": 1}}}',
    ],
)
def test_what_is_not_such_json_is_refused(client: Client, text: str) -> None:
    for path in ("/reports", "/events", "/cancellations"):
        answer = client.post(f"{API}{path}", data=text, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 422}, (path, answer.text)
        assert answer.json["detail"]


def test_several_statuses_may_be_asked_for_and_nothing_else_twice(
    client: Client, run: str, database: psycopg.Connection[Any]
) -> None:
    def found(query: str) -> list[str]:
        return [each["id"] for each in client.get(f"{API}/runs?{query}").json["items"]]

    assert found("status=queued&status=failed") == [run]
    assert found("status=completed&status=failed") == []
    assert found("") == [run]
    twice = client.get(f"{API}/runs?functionId=a&functionId=b")
    assert (twice.status_code, twice.json["errors"][0]["parameter"]) == (422, "functionId")
    odd = client.get(f"{API}/runs?status=queued&status=odd")
    assert (odd.status_code, odd.json["errors"][0]["parameter"]) == (422, "status")


@pytest.mark.parametrize("query", ["dryRun=true", "wait=5", "runId=", "=", "token=x&_=1"])
def test_what_a_route_does_not_read_in_its_query_is_refused_and_nothing_is_done(
    client: Client, run: str, report: dict[str, Any], query: str
) -> None:
    whole = {"functionId": FUNCTION, "reason": "all"}
    for path, body in (
        ("/cancellations", whole),
        (f"/reports/{report['id']}/cancel", {}),
        (f"/runs/{run}/cancel", {}),
        ("/events", {"name": "a/b"}),
    ):
        answer = client.post(f"{API}{path}?{query}", json=body)
        assert answer.status_code == 422, path
        assert answer.json["errors"][0]["parameter"] == query.partition("=")[0]
    assert client.get(f"{API}/runs/{run}?{query}").status_code == 422
    assert client.get(f"{API}/runs/{run}").json["status"] == "queued"


def test_a_cursor_is_for_its_own_list_and_filters(client: Client) -> None:
    for number in range(3):
        client.post(f"{API}/reports", json={"title": str(number)})
    cursor = client.get(f"{API}/reports?limit=1&status=idle").json["nextCursor"]
    assert client.get(f"{API}/reports?limit=2&status=idle&cursor={cursor}").status_code == 200
    for path in ("/reports", "/reports?status=failed", "/datasets", "/runs", "/events"):
        joined = "&" if "?" in path else "?"
        answer = client.get(f"{API}{path}{joined}cursor={cursor}")
        assert (answer.status_code, answer.json["errors"][0]["parameter"]) == (400, "cursor"), path


@pytest.mark.parametrize("path", ["/datasets", "/reports", "/runs", "/events", "/functions"])
def test_a_method_that_is_not_there_is_said_so_whatever_the_body(client: Client, path: str) -> None:
    answer = client.open(f"{API}{path}", method="PUT", data="x", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 405
    assert answer.headers["Allow"]


def test_a_page_that_is_out_of_date_stops_no_newer_run(client: Client, report: dict[str, Any], run: str) -> None:
    path = f"{API}/reports/{report['id']}/cancel"
    stale = client.post(path, json={"runId": str(uuid4())})
    assert (stale.status_code, run in stale.json["detail"]) == (409, True)
    assert client.get(f"{API}/reports/{report['id']}").json["status"] == "generating"
    answer = client.post(path, json={"runId": run})
    assert (answer.status_code, answer.json["runId"]) == (202, run)


def test_a_run_that_is_not_made_yet_is_no_run_that_somebody_has_seen(client: Client, report: dict[str, Any]) -> None:
    asked = client.post(f"{API}/reports/{report['id']}/generate").json
    assert asked["runId"] is None
    assert asked["eventId"]
    answer = client.post(f"{API}/reports/{report['id']}/cancel", json={"runId": str(uuid4())})
    assert (answer.status_code, "not made yet" in answer.json["detail"]) == (409, True)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://[::1"},
        {"Origin": "http://[x]"},
        {"Cookie": "andon_session=é.é.é.é".encode().decode("latin-1")},
        {"HX-Current-URL": "http://[::1", "HX-Request": "true"},
        {"Host": "[::1"},
        {"Host": "localhost:x"},
        {"Range": "bytes=9-1"},
        {"Prefer": "wait=" + "9" * 5000},
        {"If-None-Match": 'W/""'},
    ],
)
def test_a_header_that_makes_no_sense_is_nobodys_error_but_the_senders(client: Client, headers: dict[str, str]) -> None:
    for method, path in (
        ("GET", "/login"),
        ("POST", "/login"),
        ("GET", "/"),
        ("GET", f"{API}/reports"),
        ("POST", f"{API}/events"),
    ):
        answer = client.open(path, method=method, headers=headers, json={"name": "a/b"} if method == "POST" else None)
        assert answer.status_code < 500, (method, path, answer.text)


@pytest.mark.parametrize("path", [f"{API}/events", f"{API}/cancellations", f"{API}/datasets", "/e/key", "/login"])
def test_a_body_that_is_compressed_is_refused_and_not_read_as_it_is(client: Client, path: str) -> None:
    for coding in ("gzip", "BR", "identity, zstd"):
        answer = client.post(path, json={"name": "a/b"}, headers={"Content-Encoding": coding})
        assert (answer.status_code, answer.headers["Accept-Encoding"]) == (415, "identity")
        assert coding in answer.text
    plain = {"Content-Encoding": "identity"}
    assert client.post(f"{API}/events", json={"name": "a/b"}, headers=plain).status_code == 202


@pytest.mark.parametrize("target", ["http://[", "//[x", "/\\x", "//x", "http://x", "[", "/ok"])
def test_logging_in_leads_to_no_other_site(client: Client, target: str) -> None:
    answer = client.post("/login", data={"key": "x", "next": target})
    assert answer.status_code in {303, 401}
    assert (f'value="{target}"' in answer.text) == (target == "/ok") or answer.status_code == 303


def test_events_of_inngests_clients_may_say_nothing_in_many_words(client: Client) -> None:
    event = {"name": "a/b", "data": None, "id": None, "ts": 0, "user": None, "v": None}
    assert client.post("/e/key", data=json.dumps(event)).status_code == 200
