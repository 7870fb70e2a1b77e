"""Reports over HTTP: made, listed, changed, generated, cancelled, deleted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast
from uuid import UUID, uuid4

import psycopg
import pytest
from flask import Flask
from redis import Redis

from andon.adapters.postgres.asks.reports import of
from tests.integration.api.conftest import Client, MakeRun
from tests.support.polling import wait_until

API = "/api/v1"
SHAPE = {
    "id", "title", "status", "datasetId", "options", "progress", "run", "artifacts", "error", "requestedBy",
    "createdAt", "requestedAt", "completedAt", "cancelRequestedAt", "cancelledAt", "failedAt",
}  # fmt: skip


def test_a_new_report_is_idle_and_has_the_documented_shape(report: dict[str, Any]) -> None:
    assert set(report) >= SHAPE
    assert (report["status"], report["progress"], report["run"], report["artifacts"]) == ("idle", None, None, [])
    assert report["createdAt"].endswith("Z")
    assert len(report["createdAt"]) == len("2026-01-01T00:00:00.000000Z")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/title"),
        ({"title": "  "}, "/title"),
        ({"title": "x" * 201}, "/title"),
        ({"title": "a\x00b"}, "/title"),
        ({"title": "a", "datasetId": "nonsense"}, "/datasetId"),
        ({"title": "a", "datasetId": str(uuid4())}, "/datasetId"),
        ({"title": "a", "options": {"resamples": -1}}, "/options/resamples"),
        ({"title": "a", "options": {"depth": 1}}, "/options/depth"),
        ({"title": "a", "colour": "red"}, "/colour"),
    ],
)
def test_a_wrong_field_is_named_by_its_pointer(client: Client, body: dict[str, Any], pointer: str) -> None:
    answer = client.post(f"{API}/reports", json=body)
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert [each["pointer"] for each in answer.json["errors"]] == [pointer]


def test_a_column_that_the_dataset_has_not_is_refused(client: Client, dataset: dict[str, Any]) -> None:
    body = {"title": "a", "datasetId": dataset["id"], "options": {"measures": ["nothing"]}}
    answer = client.post(f"{API}/reports", json=body)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/options/measures/0"


def test_a_dataset_that_is_deleted_meanwhile_is_not_there(
    app: Flask, dataset: dict[str, Any], database: psycopg.Connection[Any], database_url: str
) -> None:
    body = {"title": "Sales", "datasetId": dataset["id"]}
    waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with ThreadPoolExecutor(1) as pool, psycopg.connect(database_url) as deleting:
        deleting.execute("DELETE FROM andon.datasets")
        answer = pool.submit(lambda: app.test_client().post("/api/v1/reports", json=body))
        wait_until(lambda: database.execute(waiting).fetchone() is not None, what="it waits for that")
        deleting.commit()
        refused = answer.result()
    assert refused.status_code == 422
    assert "there is none with this id" in refused.text


def test_lists_are_newest_first_and_pages_follow_each_other(client: Client) -> None:
    made = [client.post(f"{API}/reports", json={"title": f"r{n}"}).json["id"] for n in range(5)]
    seen, cursor = [], None
    while True:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = client.get(f"{API}/reports", query_string=query).json
        seen += [each["id"] for each in page["items"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert seen == made[::-1]


def test_reports_are_found_by_when_they_were_made_of_what_and_who_has_asked(
    client: Client, report: dict[str, Any], database: psycopg.Connection[Any]
) -> None:
    ids = [client.post(f"{API}/reports", json={"title": str(n)}).json["id"] for n in range(3)]
    old, asked, text = ids
    database.execute("UPDATE andon.reports SET created_at = '2020-01-01Z', status = 'failed' WHERE id = %s", [old])
    database.execute("UPDATE andon.reports SET status = 'failed' WHERE id = %s", [asked])
    for id, who in ((asked, '{"id": 7}'), (text, '"ada"')):
        database.execute(
            "INSERT INTO andon.subjects (id, tenant, kind, key, requested_by) VALUES (%s, 'default', 'report', %s, %s)",
            [of("default", UUID(id)), id, who],
        )

    def found(query: str) -> set[str]:
        return {each["id"] for each in client.get(f"{API}/reports?{query}").json["items"]}

    assert found("createdBefore=2020-01-02T00:00:00Z") == {old}
    assert found("createdAfter=2020-01-01T00:00:00Z&createdBefore=2020-01-01T00:00:01Z") == {old}
    assert found("createdAfter=2020-01-01T00:00:01Z") == {asked, text, report["id"]}
    assert found(f"datasetId={report['datasetId']}") == {report["id"]}
    assert (found("requestedBy=7"), found("requestedBy=ada"), found("requestedBy=nobody")) == ({asked}, {text}, set())
    assert found("status=failed&status=generated&requestedBy=7") == {asked}


def test_a_cursor_of_other_filters_is_refused(client: Client) -> None:
    for n in range(2):
        client.post(f"{API}/reports", json={"title": str(n)})
    cursor = client.get(f"{API}/reports?limit=1&status=idle&status=failed&createdAfter=2020-01-01T00:00:00Z").json[
        "nextCursor"
    ]
    page = f"{API}/reports?limit=1&cursor={cursor}"
    same = client.get(f"{page}&status=failed&status=idle&createdAfter=2020-01-01T01:00:00%2B01:00")
    assert (same.status_code, len(same.json["items"])) == (200, 1)
    for other in ("", "&status=idle&status=failed&createdAfter=2021-01-01T00:00:00Z", "&requestedBy=7"):
        assert client.get(f"{page}{other}").status_code == 400


@pytest.mark.parametrize(
    "query", ["createdAfter=yesterday", "createdBefore=2020-01-01", "datasetId=x", "requestedBy=%00"]
)
def test_a_wrong_filter_is_named(client: Client, query: str) -> None:
    answer = client.get(f"{API}/reports?{query}")
    assert (answer.status_code, answer.json["errors"][0]["parameter"]) == (422, query.partition("=")[0])


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=1_0", "limit=5&limit=6", "status=odd", "colour=red"])
def test_a_wrong_query_parameter_is_named(client: Client, query: str) -> None:
    answer = client.get(f"{API}/reports?{query}")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["parameter"] == query.partition("=")[0]


@pytest.mark.parametrize("id", ["nonsense", str(uuid4()), "%00"])
def test_an_unknown_or_malformed_id_is_not_found(client: Client, id: str) -> None:
    for method, path in [("GET", ""), ("DELETE", ""), ("POST", "/generate"), ("POST", "/cancel"), ("GET", "/stream")]:
        answer = client.open(f"{API}/reports/{id}{path}", method=method)
        assert (answer.status_code, answer.json["title"]) == (404, "Report not found"), path


def test_generating_records_and_publishes_the_request(
    client: Client, report: dict[str, Any], bus: Redis, database: psycopg.Connection[Any]
) -> None:
    answer = client.post(f"{API}/reports/{report['id']}/generate")
    assert answer.status_code == 202
    shown = client.get(f"{API}/reports/{report['id']}").json
    assert (shown["status"], shown["progress"], shown["requestedBy"]) == ("generating", 0.0, {"id": "anonymous"})
    [(_, entry)] = cast("Any", bus.xrange("andon:events"))
    assert entry[b"id"].decode() == answer.json["eventId"]
    assert database.execute("SELECT count(*) FROM andon.outbox").fetchone() == (1,)


def test_generating_twice_conflicts(client: Client, report: dict[str, Any]) -> None:
    client.post(f"{API}/reports/{report['id']}/generate")
    answer = client.post(f"{API}/reports/{report['id']}/generate")
    assert (answer.status_code, answer.json["title"]) == (409, "Report is already generating")


def test_a_report_without_a_dataset_is_not_generated_and_leaves_no_event(client: Client, bus: Redis) -> None:
    report = client.post(f"{API}/reports", json={"title": "empty"}).json
    answer = client.post(f"{API}/reports/{report['id']}/generate")
    assert answer.status_code == 409
    assert "dataset" in answer.json["detail"]
    assert client.get(f"{API}/reports/{report['id']}").json["status"] == "idle"
    assert client.get(f"{API}/events").json["items"] == []
    assert bus.xlen("andon:events") == 0


def test_a_cancel_before_the_run_is_made_is_accepted_and_shown(client: Client, report: dict[str, Any]) -> None:
    client.post(f"{API}/reports/{report['id']}/generate")
    answer = client.post(f"{API}/reports/{report['id']}/cancel", json={"reason": "wrong file"})
    assert answer.status_code == 202
    assert client.get(f"{API}/reports/{report['id']}").json["cancelRequestedAt"] is not None
    event = client.get(f"{API}/events/{answer.json['eventId']}").json
    assert event["data"] == {"reportId": report["id"], "reason": "wrong file"}


def test_a_cancel_of_a_queued_run_settles_it_at_once(client: Client, report: dict[str, Any], make_run: MakeRun) -> None:
    asked = client.post(f"{API}/reports/{report['id']}/generate").json
    run_id = make_run(asked["eventId"], report_id=report["id"])
    answer = client.post(f"{API}/reports/{report['id']}/cancel", json={"reason": "enough"})
    assert (answer.status_code, answer.json["status"]) == (202, "cancelled")
    shown = client.get(f"{API}/reports/{report['id']}").json
    assert (shown["status"], shown["run"]["id"]) == ("cancelled", str(run_id))
    cancel = shown["run"]["cancel"]
    assert (cancel["reason"], cancel["requestedBy"]) == ("enough", {"id": "anonymous"})
    assert cancel["requestedAt"] <= cancel["settledAt"]
    event = client.get(f"{API}/events/{answer.json['eventId']}").json
    assert event["effects"]["cancelled"] == [str(run_id)]
    assert event["note"] is None


def test_a_cancel_of_a_running_run_is_shown_as_cancelling_and_raises_its_flag(
    client: Client, report: dict[str, Any], make_run: MakeRun, database: psycopg.Connection[Any]
) -> None:
    asked = client.post(f"{API}/reports/{report['id']}/generate").json
    run_id = make_run(asked["eventId"], report_id=report["id"])
    database.execute("UPDATE andon.runs SET status = 'running', progress = 0.4 WHERE id = %s", [run_id])
    answer = client.post(f"{API}/reports/{report['id']}/cancel")
    assert (answer.status_code, answer.json["status"]) == (202, "generating")
    shown = client.get(f"{API}/reports/{report['id']}").json
    assert (shown["status"], shown["progress"], shown["run"]["status"]) == ("generating", 0.4, "cancelling")
    again = client.post(f"{API}/reports/{report['id']}/cancel", json={"reason": "later"})
    assert again.status_code == 202
    assert client.get(f"{API}/runs/{run_id}").json["cancel"]["reason"] is None


@pytest.mark.parametrize(
    ("minutes", "status", "told"), [(5, "running", True), (-1, "running", False), (5, "waiting", False)]
)
def test_the_end_of_a_run_is_estimated_while_it_goes_on_and_the_estimate_holds(
    client: Client,
    report: dict[str, Any],
    make_run: MakeRun,
    database: psycopg.Connection[Any],
    minutes: int,
    status: str,
    told: bool,
) -> None:
    asked = client.post(f"/api/v1/reports/{report['id']}/generate").json
    run = make_run(asked["eventId"], report_id=report["id"])
    database.execute(
        "UPDATE andon.runs SET status = %s, progress = 0.4, started_at = clock_timestamp(),"
        " estimated_end_at = clock_timestamp() + %s * interval '1 min' WHERE id = %s",
        [status, minutes, run],
    )
    shown = client.get(f"/api/v1/reports/{report['id']}").json
    assert (shown["estimatedEndAt"] is not None) is told
    assert shown["run"]["estimatedEndAt"] == shown["estimatedEndAt"]
    page = client.get(f"/reports/{report['id']}").text
    assert ("about 5 min left" in page) is told


def test_a_report_that_is_not_generating_cannot_be_cancelled(client: Client, report: dict[str, Any]) -> None:
    answer = client.post(f"{API}/reports/{report['id']}/cancel")
    assert (answer.status_code, answer.json["title"]) == (409, "Report is not currently generating")


def test_title_can_change_while_generating_but_what_is_worked_from_cannot(
    client: Client, report: dict[str, Any]
) -> None:
    path = f"{API}/reports/{report['id']}"
    changed = client.patch(path, json={"options": {"resamples": 10}})
    assert (changed.status_code, changed.json["options"]) == (200, {"resamples": 10})
    client.post(f"{path}/generate")
    assert client.patch(path, json={"title": "Other"}).json["title"] == "Other"
    assert client.patch(path, json={"options": {}}).status_code == 409
    assert client.patch(path, json={"datasetId": None}).status_code == 409


def test_a_report_is_deleted_unless_it_is_generating(client: Client, report: dict[str, Any]) -> None:
    path = f"{API}/reports/{report['id']}"
    client.post(f"{path}/generate")
    assert client.delete(path).status_code == 409
    client.post(f"{path}/cancel")
    other = client.post(f"{API}/reports", json={"title": "other"}).json
    assert client.delete(f"{API}/reports/{other['id']}").status_code == 204
    assert client.get(f"{API}/reports/{other['id']}").status_code == 404


def test_filters_find_reports_by_status(client: Client, report: dict[str, Any]) -> None:
    client.post(f"{API}/reports", json={"title": "other"})
    client.post(f"{API}/reports/{report['id']}/generate")
    found = client.get(f"{API}/reports?status=generating").json["items"]
    assert [each["id"] for each in found] == [report["id"]]


def test_ids_are_uuid_version_7(report: dict[str, Any]) -> None:
    assert UUID(report["id"]).version == 7
