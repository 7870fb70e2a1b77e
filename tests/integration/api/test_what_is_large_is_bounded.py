"""What a tenant has stored is large: its lists come in shorter pages, and its large bodies one at a time."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from flask import Flask

from andon_api.http.bodies import LARGEST_JSON
from andon_api.http.one_each import LARGE_BYTES, OneEach
from andon_api.http.problems import Problem
from andon_api.reads.room import PAGE_BYTES
from andon_api.services import KEY
from tests.integration.api.conftest import Client, MakeRun

API = "/api/v1"
LARGE: dict[str, Any] = {"lists": [[]] * 60_000}  # 240 KB, and some 4 MB as Python has it


def pages(client: Client, path: str) -> list[list[Any]]:
    """The items of each page of a list."""
    found, cursor = [], ""
    while cursor is not None:
        answer = client.get(f"{API}/{path}?limit=200" + (f"&cursor={cursor}" if cursor else ""))
        assert len(answer.data) < PAGE_BYTES + 400_000
        found.append(answer.json["items"])
        cursor = answer.json["nextCursor"]
    return found


@pytest.fixture
def large(client: Client, make_run: MakeRun) -> list[str]:
    """Large events, each with a run, newest first."""
    ids = [f"e{number}" for number in range(10)]
    for id in ids:
        assert client.post(f"{API}/events", json={"name": "a/b", "id": id, "data": LARGE}).status_code == 202
        make_run(id, function_id="f")
    return ids[::-1]


def test_a_page_of_events_and_of_runs_holds_so_much_and_the_next_one_follows(client: Client, large: list[str]) -> None:
    events = pages(client, "events")
    assert len(events) > 2
    assert [each["id"] for page in events for each in page] == large
    runs = pages(client, "runs")
    assert len(runs) > 2
    assert [each["event"]["id"] for page in runs for each in page] == large


def test_small_rows_still_fill_a_page(client: Client) -> None:
    for number in range(12):
        client.post(f"{API}/events", json={"name": "a/b", "data": {"n": number}})
    assert [len(page) for page in pages(client, "events")] == [12]


def test_only_lists_of_events_may_be_large_bodies(client: Client) -> None:
    body = json.dumps({"functionId": "f", "reason": "x" * LARGEST_JSON})
    answer = client.post(f"{API}/cancellations", data=body, content_type="application/json")
    assert answer.status_code == 413
    assert "at most 1 MiB" in answer.json["detail"]
    many = [{"name": "a/b", "data": {"text": "x" * 200_000}}] * 8
    assert len(json.dumps(many)) > LARGE_BYTES
    assert client.post(f"{API}/events", json=many).status_code == 202


def test_a_tenant_is_at_work_on_one_large_thing_at_a_time_and_others_on_theirs(app: Flask) -> None:
    places = OneEach(patience=0.1)
    entered = threading.Event()
    with places.place("a"):
        with pytest.raises(Problem) as refused, places.place("a"):
            raise AssertionError("it was let in")
        assert refused.value.status == 503
        with places.place("b"):
            entered.set()
    with places.place("a"):
        assert entered.is_set()


def test_only_so_many_large_things_are_held_of_all_tenants(app: Flask) -> None:
    places = OneEach(most=2, patience=0.1)
    with places.place("a"):
        with places.place("b"), pytest.raises(Problem) as refused, places.place("c"):
            raise AssertionError("it was let in")
        assert refused.value.status == 503
        with places.place("c"):
            pass


def test_a_large_list_waits_for_its_place_and_a_small_one_does_not(app: Flask) -> None:
    many = [{"name": "a/b", "data": {"text": "x" * 200_000}}] * 8
    asked = threading.Thread(target=lambda: answers.append(app.test_client().post(f"{API}/events", json=many)))
    answers: list[Any] = []
    held = app.extensions[KEY].large
    with held.place("one"), held.place("two"):
        asked.start()
        assert app.test_client().post(f"{API}/events", json={"name": "a/b", "data": {}}).status_code == 202
        asked.join(0.5)
        assert answers == []
    asked.join()
    assert [answer.status_code for answer in answers] == [202]


def test_what_a_tenant_uses_is_counted_one_at_a_time(app: Flask) -> None:
    asked = threading.Thread(target=lambda: answers.append(app.test_client().get(f"{API}/usage").status_code))
    answers: list[int] = []
    with app.extensions[KEY].costly.place("default"):
        asked.start()
        asked.join(0.5)
        assert answers == []
    asked.join()
    assert answers == [200]


def test_a_body_of_very_many_lists_is_refused_before_it_is_read(client: Client) -> None:
    body = "[" + ",".join(["[]"] * 600_000) + "]"
    answer = client.post(f"{API}/events", data=body, content_type="application/json")
    assert answer.status_code == 413
    assert "at most 500,000 lists and objects in a body, got 600,001" in answer.json["detail"]
