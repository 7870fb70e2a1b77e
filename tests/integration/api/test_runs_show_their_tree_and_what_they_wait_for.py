"""A run's parent and children, and what it waits for, over HTTP and on its page; and how many a cancel reaches."""

from __future__ import annotations

from typing import Any

import psycopg

from andon import Wait
from tests.integration.api.conftest import Client
from tests.support.family import Family

API = "/api/v1"


def test_a_tree_is_shown_and_cancelled_with_how_many_are_below(
    client: Client, database: psycopg.Connection[Any]
) -> None:
    family = Family(database)
    parent = family.start()
    child = family.invoke(parent)
    family.take_opened()
    shown = client.get(f"{API}/runs/{parent.id}").json
    assert [(each["id"], each["parentStep"]) for each in shown["children"]] == [(str(child), "page")]
    assert (shown["childCount"], shown["cleanup"]) == (1, [])
    assert [(each["step"], each["runId"], each["until"]) for each in shown["waits"]] == [("page", str(child), None)]
    page = client.get(f"/runs/{parent.id}").text
    assert "Invoked runs" in page
    assert "with 1 that it has invoked" in page
    assert "Invoked by" in client.get(f"/runs/{child}").text
    answer = client.post(f"{API}/runs/{parent.id}/cancel").json
    assert answer["children"] == 1
    family.take_opened()
    assert client.get(f"{API}/runs/{child}").json["cancel"]["requestedAt"] is not None


def test_a_run_shows_what_it_waits_for_and_until_when(client: Client, database: psycopg.Connection[Any]) -> None:
    family = Family(database)
    run = family.wait(family.start(), Wait("a/b", "data.case"), Wait("a/c", if_="async.data.n > 1"), seconds=3600)
    waits = client.get(f"{API}/runs/{run.id}").json["waits"]
    assert [(each["event"], each["match"], each["value"], each["condition"]) for each in waits] == [
        ("a/b", "data.case", "a", None),
        ("a/c", None, None, "async.data.n > 1"),
    ]
    assert all(each["until"] for each in waits)
    page = client.get(f"/runs/{run.id}").text
    assert "Waits for" in page
    assert "data.case" in page
