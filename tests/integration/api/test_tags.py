"""Runs are found by tags and by their event's data, and cancelled by a tag, whatever their function."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from andon import Event, Function, Step, function
from andon.adapters.postgres.cancels import wide
from andon.adapters.postgres.runs import leases, run_tags
from andon.adapters.postgres.runs.journal import Holding
from andon_worker.dispatcher.batches.batch import record_batch
from tests.integration.api.conftest import Client
from tests.support.planning import Planner

API = "/api/v1"


def tagging(id: str, *tags: str) -> Function:
    def handler(event: Event, step: Step) -> None: ...

    return function(id=id, trigger=f"{id}/asked", tags=tags)(handler)


@pytest.fixture
def here(database: Any) -> Planner:
    here = Planner(database, tagging("render", "data.userId", "'slow'"), tagging("mail", "data.userId"))
    here.batch(("render/asked", {"userId": 42, "page": {"id": "a"}}))
    here.batch(("mail/asked", {"userId": 42}))
    here.batch(("render/asked", {"userId": 7, "page": {"id": 3}}))
    return here


def found(client: Client, query: str) -> list[str]:
    answer = client.get(f"{API}/runs?{query}")
    assert answer.status_code == 200, answer.text
    return [each["event"]["id"] for each in answer.json["items"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("tag=userId:42", ["e2", "e1"]),
        ("tag=userId:42&tag=slow", ["e1"]),
        ("tag=userId:42&functionId=mail&status=queued", ["e2"]),
        ("tag=userId", []),
        ("where=data.userId=42", ["e2", "e1"]),
        ("where=data.userId == 42&tag=slow", ["e1"]),
        ("where=data.page.id = a", ["e1"]),
        ('where=data.page.id = "3"', []),
        ("where=data.page.id=3", ["e3"]),
        ("where=data.page.id=a%0Ab", []),
        ("where=data.page.id=3&limit=1", ["e3"]),
    ],
)
def test_runs_are_found(client: Client, here: Planner, query: str, expected: list[str]) -> None:
    assert found(client, query) == expected


@pytest.mark.parametrize("where", ["data", "userId=42", "data.userId", "data.a;b=1", "=1"])
def test_what_names_no_field_is_refused(client: Client, here: Planner, where: str) -> None:
    answer = client.get(f"{API}/runs", query_string={"where": where})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["parameter"] == "where"


def test_a_page_of_a_search_ends_where_enough_was_looked_at_and_the_next_goes_on(
    client: Client, here: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("andon_api.reads.searching.SEEN_AT_ONCE", 1)
    ids, cursor = [], ""
    for _ in range(4):
        page = client.get(f"{API}/runs?where=data.userId=42{cursor}").json
        ids.append([each["event"]["id"] for each in page["items"]])
        if page["nextCursor"] is None:
            break
        cursor = f"&cursor={page['nextCursor']}"
    assert ids == [[], ["e2"], ["e1"], []]


def test_the_run_and_its_page_show_the_tags(client: Client, here: Planner) -> None:
    [run] = client.get(f"{API}/runs?tag=slow&tag=userId:42").json["items"]
    assert client.get(f"{API}/runs/{run['id']}").json["tags"] == run["tags"] == ["slow", "userId:42"]
    page = client.get(f"/runs/{run['id']}").text
    assert 'href="/runs?tag=slow"' in page
    assert client.get("/runs?tag=slow&where=data.userId+%3D+7").status_code == 200


def test_runs_are_counted_and_cancelled_by_a_tag_of_whatever_function(client: Client, here: Planner) -> None:
    counted = client.post(f"{API}/cancellations", json={"tag": "userId:42", "dryRun": True})
    assert counted.json["matched"] == 2
    started = client.post(f"{API}/cancellations", json={"tag": "userId:42", "reason": "left"})
    assert started.status_code == 202
    here.batch(("render/asked", {"userId": 42}))
    with here.database.transaction():
        wide.sweep(here.database)
    assert here.runs() == [("e1", "cancelled"), ("e2", "cancelled"), ("e3", "queued"), ("e4", "queued")]
    shown = client.get(f"{API}/cancellations/{started.json['id']}").json
    assert (shown["matched"], shown["status"], shown["tag"], shown["functionId"]) == (2, "done", "userId:42", "")
    assert "userId:42" in client.get(f"/cancellations/{started.json['id']}").text
    assert client.get("/cancellations").status_code == 200


def test_a_run_that_has_tagged_itself_is_found_and_cancelled_by_that(client: Client, here: Planner) -> None:
    run = client.get(f"{API}/runs?tag=slow").json["items"][-1]
    held = leases.claim(here.database, uuid.UUID(run["id"]), worker="w", lease=60)
    assert held is not None
    assert run_tags.tag(here.database, Holding(held.id, held.fence), held.tenant, "page:3") == 3
    assert found(client, "tag=page:3&tag=slow") == ["e1"]
    assert client.post(f"{API}/cancellations", json={"tag": "page:3"}).status_code == 202
    with here.database.transaction():
        wide.sweep(here.database)
    assert here.runs() == [("e1", "cancelling"), ("e2", "queued"), ("e3", "queued")]
    assert run_tags.tag(here.database, Holding(held.id, held.fence), held.tenant, "late") is None


def test_a_run_that_is_made_later_of_an_older_event_is_cancelled_by_the_tag_too(client: Client, here: Planner) -> None:
    client.post(f"{API}/events", json={"name": "render/asked", "id": "late", "data": {"userId": 42}})
    client.post(f"{API}/cancellations", json={"tag": "userId:42"})
    late = Event("render/asked", {"userId": 42}, id="late")
    with here.database.transaction():
        record_batch(here.database, here.registry, [late], [None])
    assert here.runs()[-1] == ("late", "cancelled")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({}, "/functionId"), ({"tag": ""}, "/tag"), ({"tag": "x" * 101}, "/tag"), ({"tag": 7}, "/tag")],
)
def test_a_bulk_cancel_names_a_function_or_a_tag(client: Client, body: dict[str, Any], pointer: str) -> None:
    answer = client.post(f"{API}/cancellations", json=body)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == pointer


def test_the_consoles_form_cancels_by_a_tag(client: Client, here: Planner) -> None:
    form = {"tag": "slow", "functionId": ""}
    counted = client.post("/cancellations/count", data=form, headers={"HX-Request": "true"})
    assert "2 runs" in counted.text
    assert client.post("/cancellations", data=form).headers["HX-Redirect"].startswith("/cancellations/")
