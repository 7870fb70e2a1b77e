"""Schedules over HTTP, and in the console: seen, paused, resumed, and made to tick."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from redis import Redis

from andon import Cron, Event, Step, function
from andon.adapters.cron import check_schedule
from andon.adapters.postgres.registered import functions, schedules
from andon.engine.declared.functions import Registry
from tests.integration.api.conftest import Client

API = "/api/v1"


@function(id="nightly", triggers=[Cron("0 3 * * *", "Europe/Berlin", data={"key": "n"}), Cron("0 * * * *")])
def nightly(event: Event, step: Step) -> None:
    """Registered here, and never run."""


@pytest.fixture
def listed(client: Client, database: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    functions.register(database, Registry([nightly], check_schedule=check_schedule))
    with database.transaction():
        schedules.register(database, [(nightly.id, each) for each in nightly.schedules])
    items: list[dict[str, Any]] = client.get(f"{API}/schedules").json["items"]
    return items


def test_schedules_are_listed_with_what_was_declared_and_when_they_tick_next(listed: list[dict[str, Any]]) -> None:
    hourly, daily = listed
    assert [each["schedule"] for each in (hourly, daily)] == ["0 * * * *", "0 3 * * *"]
    assert (daily["tz"], daily["data"], daily["overlap"], daily["catchUp"]) == (
        "Europe/Berlin",
        {"key": "n"},
        "skip",
        "once",
    )
    assert hourly["nextAt"].endswith(":00:00.000000Z")
    assert (hourly["lastAt"], hourly["pausedAt"]) == (None, None)


def test_a_schedule_is_paused_with_a_reason_and_resumed(client: Client, listed: list[dict[str, Any]]) -> None:
    path = f"{API}/schedules/{listed[0]['id']}"
    paused = client.post(f"{path}/pause", json={"reason": "stocktaking"})
    assert (paused.status_code, paused.json["pauseReason"], paused.json["nextAt"]) == (202, "stocktaking", None)
    assert client.post(f"{path}/pause").status_code == 409
    assert "stocktaking" in client.get("/schedules").text
    assert client.post(f"{path}/resume").json["pausedAt"] is None
    assert client.post(f"{path}/resume").status_code == 409
    assert [each["action"] for each in client.get(f"{API}/audit").json["items"]][:2] == [
        "schedule.resumed",
        "schedule.paused",
    ]


def test_a_schedule_ticks_now_by_an_event_that_is_accepted_as_any_other(
    client: Client, listed: list[dict[str, Any]], bus: Redis
) -> None:
    asked = client.post(f"{API}/schedules/{listed[1]['id']}/run")
    assert asked.status_code == 202
    event = client.get(f"{API}/events/{asked.json['eventId']}").json
    assert (event["name"], event["data"]["functionId"], event["data"]["key"]) == ("andon/cron", "nightly", "n")
    assert bus.xlen("andon:events") == 1


def test_one_that_is_not_there_is_not_found(client: Client, listed: list[dict[str, Any]]) -> None:
    assert client.post(f"{API}/schedules/nothing/run").status_code == 404
    assert client.post(f"{API}/events", json={"name": "andon/cron"}).status_code == 422


def test_the_console_pauses_and_runs_by_buttons(client: Client, listed: list[dict[str, Any]]) -> None:
    id = listed[0]["id"]
    assert client.get("/schedules").text.count('data-testid="run-now"') == 2
    for verb in ("pause", "run", "resume"):
        done = client.post(f"/schedules/{id}/{verb}", headers={"HX-Request": "true"})
        assert (done.status_code, done.headers.get("HX-Trigger")) == (200, "changed")
    assert 'href="/events?name=a' not in client.get("/functions").text
    assert "Europe/Berlin" in client.get("/functions").text
