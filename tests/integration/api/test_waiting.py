"""`Prefer: wait=N`: an answer that tells the effect, when it becomes known in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
from flask import Flask

from andon_api.signals.metrics import EXTENSION as METRICS
from tests.integration.api.conftest import Client, MakeRun, move
from tests.support.polling import wait_until

API = "/api/v1"
SOON = {"Prefer": "wait=10"}


def meanwhile(request: Callable[[], Any], act: Callable[[], object]) -> Any:
    """The answer to `request`, with `act` done while it waits."""
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(request()))
    asking.start()
    act()
    asking.join(15)
    assert answers, "no answer"
    return answers[0]


def recorded(database: psycopg.Connection[Any]) -> None:
    """Do what the dispatcher does last: close the outbox."""
    wait_until(lambda: database.execute("DELETE FROM andon.outbox").rowcount)


def test_events_answer_with_what_they_did_once_they_are_dispatched(
    app: Flask, client: Client, database: psycopg.Connection[Any], make_run: MakeRun
) -> None:
    client.post(f"{API}/events", json={"name": "a/b", "id": "trigger"})
    recorded(database)
    run_id = make_run("trigger", function_id="f")
    body = [{"name": "a/c", "id": "other"}, {"name": "a/b", "id": "trigger"}]
    answer = meanwhile(
        lambda: app.test_client().post(f"{API}/events", json=body, headers=SOON), lambda: recorded(database)
    )
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "wait=10")
    assert answer.json["ids"] == ["other", "trigger"]
    assert answer.json["effects"] == [
        {"started": [], "cancelled": [], "skipped": []},
        {"started": [str(run_id)], "cancelled": [], "skipped": []},
    ]


def test_an_effect_that_is_not_known_in_time_is_answered_as_without_waiting(app: Flask, client: Client) -> None:
    began = time.monotonic()
    answer = client.post(f"{API}/events", json={"name": "a/b", "id": "x"}, headers={"Prefer": "respond-async, wait=1"})
    assert time.monotonic() - began >= 1
    labels = {"method": "POST", "route": f"{API}/events"}
    took = app.extensions[METRICS].get_sample_value("andon_api_request_seconds_sum", labels)
    assert took is not None
    assert took < 1, "what a client wished to wait is no slowness of ours"
    assert (answer.status_code, answer.json) == (202, {"ids": ["x"]})
    assert answer.headers["Preference-Applied"] == "wait=1"


def test_a_cancel_answers_when_the_run_has_settled(
    app: Flask, client: Client, report: dict[str, Any], make_run: MakeRun, database: psycopg.Connection[Any]
) -> None:
    asked = client.post(f"{API}/reports/{report['id']}/generate").json
    run_id = make_run(asked["eventId"], report_id=report["id"])
    database.execute("UPDATE andon.runs SET status = 'running', started_at = now() WHERE id = %s", [run_id])

    def settle() -> None:
        stop = "UPDATE andon.runs SET status = 'cancelled', ended_at = now() WHERE id = %s AND status = 'cancelling'"
        wait_until(lambda: database.execute(stop, [run_id]).rowcount)
        move(database, report["id"], "cancelled")

    answer = meanwhile(
        lambda: app.test_client().post(f"{API}/reports/{report['id']}/cancel", headers=SOON),
        settle,
    )
    assert (answer.status_code, answer.json["status"]) == (200, "cancelled")


def test_a_cancel_of_a_queued_run_is_known_at_once(client: Client, make_run: MakeRun) -> None:
    client.post(f"{API}/events", json={"name": "a/b", "id": "x"})
    answer = client.post(f"{API}/runs/{make_run('x', function_id='f')}/cancel", headers=SOON)
    assert (answer.status_code, answer.json["status"]) == (200, "cancelled")


def test_nobody_waits_longer_than_half_a_minute_or_where_no_thread_is_left(app: Flask, client: Client) -> None:
    live = app.extensions["andon"].live
    with live.listen("a"), live.listen("b"), live.listen("c"), live.listen("d"):
        answer = client.post(f"{API}/events", json={"name": "a/b"}, headers={"Prefer": "wait=10"})
    assert (answer.status_code, answer.headers.get("Preference-Applied")) == (202, None)
    live.close()
    assert client.post(f"{API}/events", json={"name": "a/b"}, headers={"Prefer": "wait=9999"}).status_code == 202


def test_while_it_waits_it_holds_no_connection(app: Flask, client: Client, database: psycopg.Connection[Any]) -> None:
    def idle_in_transaction() -> bool:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
        [count] = database.execute(query).fetchone() or [1]
        return bool(count == 0)

    def look() -> None:
        wait_until(lambda: database.execute("SELECT 1 FROM andon.outbox").fetchone())
        wait_until(idle_in_transaction)
        recorded(database)

    answer = meanwhile(lambda: app.test_client().post(f"{API}/events", json={"name": "a/b"}, headers=SOON), look)
    assert answer.status_code == 200
