"""Runs over HTTP: listed, shown with their steps, cancelled, run again; and their streams."""

from __future__ import annotations

import json
import threading
from typing import Any

import psycopg
import pytest
from flask import Flask
from redis import Redis

from andon_api.share import Share
from tests.integration.api.conftest import Client, MakeRun
from tests.support.polling import PATIENCE

API = "/api/v1"
FIELDS = {
    "id", "functionId", "status", "event", "attempt", "queuedAt", "startedAt", "endedAt", "output", "error", "cancel",
}  # fmt: skip


@pytest.fixture
def run_id(client: Client, make_run: MakeRun) -> str:
    """A queued run of some function."""
    client.post(f"{API}/events", json={"name": "a/b", "id": "trigger", "data": {"n": 1}})
    return str(make_run("trigger", function_id="f"))


def test_a_run_is_shown_with_its_event_steps_and_cleanup(
    client: Client, run_id: str, database: psycopg.Connection[Any]
) -> None:
    database.execute(
        "INSERT INTO andon.steps (run_id, id, position, status, attempt, fence, started_at, output)"
        " VALUES (%s, 'first', 0, 'completed', 1, 1, now(), '{\"b\": 1, \"a\": 2}')",
        [run_id],
    )
    shown = client.get(f"{API}/runs/{run_id}").json
    assert set(shown) >= FIELDS | {"steps", "cleanup"}
    assert (shown["event"]["name"], shown["event"]["data"], shown["cancel"]) == ("a/b", {"n": 1}, None)
    assert list(shown["steps"][0]["output"]) == ["b", "a"]
    listed = client.get(f"{API}/runs").json["items"]
    assert (listed[0]["id"], "steps" in listed[0]) == (run_id, False)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=queued", 1),
        ("status=failed", 0),
        ("functionId=f", 1),
        ("functionId=g", 0),
        ("eventId=trigger", 1),
        ("eventId=other", 0),
        ("queuedAfter=2020-01-01T00:00:00Z", 1),
        ("queuedBefore=2020-01-01T00:00:00Z", 0),
        ("reportId=nonsense", 0),
    ],
)
def test_runs_are_found_by_filters(client: Client, run_id: str, query: str, found: int) -> None:
    assert len(client.get(f"{API}/runs?{query}").json["items"]) == found


def test_cancelling_a_queued_run_settles_it(client: Client, run_id: str) -> None:
    answer = client.post(f"{API}/runs/{run_id}/cancel", json={"reason": "late"})
    assert (answer.status_code, answer.json["status"]) == (202, "cancelled")
    shown = client.get(f"{API}/runs/{run_id}").json
    assert (shown["status"], shown["cancel"]["reason"], shown["cancel"]["forced"]) == ("cancelled", "late", False)
    assert client.delete(f"{API}/runs/{run_id}").status_code == 409


def test_delete_cancels_as_inngest_has_it(client: Client, run_id: str, database: psycopg.Connection[Any]) -> None:
    database.execute("UPDATE andon.runs SET status = 'running' WHERE id = %s", [run_id])
    answer = client.delete(f"{API}/runs/{run_id}")
    assert (answer.status_code, answer.json["status"]) == (202, "cancelling")
    assert client.get(f"{API}/runs/{run_id}").json["cancel"]["settledAt"] is None


@pytest.mark.parametrize("key", [None, "mine"])
def test_asked_again_a_cancel_says_what_the_run_shows(
    client: Client, run_id: str, database: psycopg.Connection[Any], key: str | None
) -> None:
    database.execute("UPDATE andon.runs SET status = 'running' WHERE id = %s", [run_id])
    client.delete(f"{API}/runs/{run_id}")
    headers = {} if key is None else {"Idempotency-Key": key}
    again = client.post(f"{API}/runs/{run_id}/cancel", json={"reason": "later"}, headers=headers)
    shown = client.get(f"{API}/runs/{run_id}").json
    assert (again.status_code, again.json["status"], shown["status"]) == (202, "cancelling", "cancelling")
    assert shown["cancel"]["reason"] is None


def test_running_again_sends_the_trigger_as_a_new_event(client: Client, run_id: str) -> None:
    answer = client.post(f"{API}/runs/{run_id}/rerun")
    assert answer.status_code == 202
    event = client.get(f"{API}/events/{answer.json['eventId']}").json
    assert (event["name"], event["data"]) == ("a/b", {"n": 1})
    assert event["id"] != "trigger"


def test_running_a_reports_run_again_generates_the_report(
    client: Client, report: dict[str, Any], make_run: MakeRun
) -> None:
    asked = client.post(f"{API}/reports/{report['id']}/generate").json
    run_id = make_run(asked["eventId"], report_id=report["id"])
    assert client.post(f"{API}/runs/{run_id}/rerun").status_code == 409
    client.post(f"{API}/reports/{report['id']}/cancel")
    assert client.post(f"{API}/runs/{run_id}/rerun").status_code == 202
    assert client.get(f"{API}/reports/{report['id']}").json["status"] == "generating"


@pytest.mark.parametrize("path", ["", "/cancel", "/rerun", "/stream"])
def test_an_unknown_run_is_not_found(client: Client, path: str) -> None:
    method = "POST" if path in {"/cancel", "/rerun"} else "GET"
    assert client.open(f"{API}/runs/nonsense{path}", method=method).status_code == 404


def test_a_stream_sends_each_change_and_ends_with_the_run(
    app: Flask, run_id: str, database: psycopg.Connection[Any], bus: Redis
) -> None:
    got: list[str] = []
    first = threading.Event()

    def follow() -> None:
        for chunk in app.test_client().get(f"{API}/runs/{run_id}/stream").iter_encoded():
            got.append(chunk.decode())
            if "event: run" in got[-1]:
                first.set()

    reader = threading.Thread(target=follow)
    reader.start()
    assert first.wait(PATIENCE)
    database.execute("UPDATE andon.runs SET status = 'completed', ended_at = now() WHERE id = %s", [run_id])
    bus.publish("andon:live", json.dumps({"run": run_id, "report": None}))
    reader.join(10)
    assert not reader.is_alive()
    sent = [json.loads(each.partition("data: ")[2]) for each in got if each.startswith("event: run")]
    assert [each["status"] for each in sent] == ["queued", "completed"]
    assert got[-1].startswith("event: end")


def test_over_the_cap_of_streams_a_client_is_told_to_poll(app: Flask, run_id: str) -> None:
    live = app.extensions["andon"].live
    live.streams = Share(1)
    with live.listen("a", of=live.streams):
        answer = app.test_client().get(f"{API}/runs/{run_id}/stream")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
