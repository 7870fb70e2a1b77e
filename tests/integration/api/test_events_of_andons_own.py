"""The prefix `andon/` is Andon's: nobody forges an end of a run, and a cancel of ours must be one."""

from __future__ import annotations

from typing import Any

import pytest

from andon.engine.ids import new_id
from tests.integration.api.conftest import Client

RUN = str(new_id())
FORGED: list[tuple[str, Any, str]] = [
    ("andon/function.completed", {"functionId": "f", "runId": RUN}, "which Andon alone can"),
    ("andon/function.cancelled", {}, "which Andon alone can"),
    ("andon/anything", {}, "Andon's own events"),
    ("andon/run.cancelled", {}, "runId: expected the id of a run"),
    ("andon/run.cancelled", {"runId": 7}, "runId: expected the id of a run"),
    ("andon/run.cancelled", {"runId": RUN, "reason": 7}, "reason: expected a text"),
    ("andon/runs.cancelled", {}, "functionId: expected a text"),
    ("andon/runs.cancelled", {"functionId": "x" * 9_000}, "functionId: expected a text"),
    ("andon/runs.cancelled", {"functionId": ["f"]}, "functionId: expected a text"),
    ("andon/runs.cancelled", {"functionId": "f", "if": {"a": 1}}, "if: expected a text"),
    ("andon/runs.cancelled", {"functionId": "f", "if": "now()"}, "if: there is no function now()"),
    (
        "andon/runs.cancelled",
        {"functionId": "f", "startedAfter": "0001-01-01T00:00:00+14:00"},
        "startedAfter: expected",
    ),
    ("andon/runs.cancelled", {"functionId": "f", "startedBefore": 7}, "startedBefore: expected an RFC 3339 time"),
    ("andon/runs.cancelled", {"functionId": "f", "reason": "x" * 3_000}, "reason: expected a text"),
]


def cloud(name: str, data: Any) -> dict[str, Any]:
    """The event as a CloudEvent."""
    return {"specversion": "1.0", "id": "1", "source": "test", "type": name, "data": data}


@pytest.mark.parametrize(("name", "data", "why"), FORGED)
def test_it_is_refused_by_every_door_with_a_sentence(client: Client, name: str, data: Any, why: str) -> None:
    native = {"name": name, "data": data}
    answers = [
        client.post("/api/v1/events", json=native),
        client.post("/api/v1/events", json=cloud(name, data), content_type="application/cloudevents+json"),
        client.post("/e/key", json=native),
    ]
    assert [answer.status_code for answer in answers] == [422] * 3
    assert all(why in answer.json["errors"][0]["detail"] for answer in answers)


def test_the_cancels_that_the_docs_allow_are_taken(client: Client) -> None:
    for data in (
        {"functionId": "f", "if": "event.data.n > 1", "startedAfter": "2026-01-01T00:00:00Z"},
        {"functionId": "f"},
    ):
        assert client.post("/api/v1/events", json={"name": "andon/runs.cancelled", "data": data}).status_code == 202
    cancel = {"name": "andon/run.cancelled", "data": {"runId": RUN, "reason": "too late"}}
    assert client.post("/api/v1/events", json=cancel).status_code == 202


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "2201-01-01T00:00:00Z"])
def test_a_time_out_of_any_use_is_refused_by_name(client: Client, time: str) -> None:
    for path, body in (
        ("/api/v1/events", {"name": "a/b", "ts": time}),
        ("/api/v1/cancellations", {"functionId": "f", "startedAfter": time, "dryRun": True}),
    ):
        answer = client.post(path, json=body)
        assert answer.status_code == 422
        assert answer.json["errors"][0]["detail"].startswith("expected a time with its zone")
    assert client.get(f"/api/v1/runs?queuedAfter={time.replace('+', '%2B')}").status_code in {400, 422}
