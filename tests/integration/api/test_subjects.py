"""Subjects over HTTP: asked for, seen, cancelled, and whose rows are there."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import psycopg
import pytest
from flask import Flask

from andon import Event, Row, Step, Subject, function
from andon.adapters.postgres.registered import functions
from andon.adapters.postgres.subjects import astray
from andon.adapters.postgres.upkeep.doctor import check_system
from andon.engine.declared.functions import Registry
from andon.engine.ids import new_id
from andon_worker.dispatcher.batches.batch import record_batch
from tests.integration.api.conftest import Client
from tests.support.polling import wait_until

API = "/api/v1"
WORDS: dict[str, Any] = {"active": "processing", "completed": "done", "failed": "failed", "cancelled": "cancelled"}


@function(id="render-video", trigger="video/requested", subject=Subject("video", row=Row("public.videos", **WORDS)))
def render(event: Event, step: Step) -> None:
    """Registered here, and never run."""


@pytest.fixture
def registry(database: psycopg.Connection[Any]) -> Registry:
    database.execute("CREATE TABLE public.videos (id int PRIMARY KEY, status text)")
    database.execute("INSERT INTO public.videos VALUES (1, 'new'), (2, 'processing'), (3, 'done')")
    registry = Registry([render])
    functions.register(database, registry)
    return registry


def take_in(database: psycopg.Connection[Any], registry: Registry) -> None:
    """As the dispatcher does with what the outbox has."""
    query = "SELECT e.name, e.data, e.id, e.tenant FROM andon.outbox o JOIN andon.events e ON e.seq = o.event_seq"
    rows = database.execute(f"{query} ORDER BY seq".encode()).fetchall()
    events = [Event(name, data, id, tenant=tenant) for name, data, id, tenant in rows]
    with database.transaction():
        record_batch(database, registry, events, [None] * len(events))


def row(database: psycopg.Connection[Any], id: int = 1) -> Any:
    return database.execute("SELECT status FROM public.videos WHERE id = %s", [id]).fetchall()[0][0]


def test_a_subject_is_asked_for_seen_and_cancelled(
    client: Client, database: psycopg.Connection[Any], registry: Registry
) -> None:
    assert client.get(f"{API}/subjects/video/1").json["status"] == "idle"
    asked = client.post(f"{API}/subjects/video/1/request", json={"data": {"size": 4}})
    assert (asked.status_code, asked.json["id"], asked.json["status"]) == (202, "1", "active")
    assert asked.headers["Location"] == f"{API}/subjects/video/1"
    assert row(database) == "processing"
    assert client.post(f"{API}/subjects/video/1/request").status_code == 409
    take_in(database, registry)
    shown = client.get(f"{API}/subjects/video/%201").json
    assert (shown["kind"], shown["id"], shown["status"], shown["functionId"]) == ("video", 1, "active", "render-video")
    assert (shown["run"]["event"]["data"], shown["progress"]) == ({"size": 4, "id": 1}, 0.0)
    cancelled = client.post(f"{API}/subjects/video/1/cancel", json={"reason": "no"})
    assert (cancelled.status_code, cancelled.json["status"]) == (202, "cancelled")
    assert (row(database), client.get(f"{API}/subjects/video/1").json["run"]["cancel"]["reason"]) == ("cancelled", "no")
    assert client.post(f"{API}/subjects/video/1/cancel").status_code == 409


@pytest.mark.parametrize("key", ["²", "--5", "٣", "9" * 200, "-"])
def test_an_id_that_its_rows_key_can_not_have_is_no_error_of_ours(client: Client, registry: Registry, key: str) -> None:
    assert client.get(f"{API}/subjects/video/{key}").status_code in {200, 404}
    assert client.post(f"{API}/subjects/video/{key}/request").status_code in {404, 409, 422}


@function(id="read-letter", trigger="letter/requested", subject=Subject("letter"))
def read_letter(event: Event, step: Step) -> None:
    """Registered here, and never run."""


@pytest.mark.parametrize("id", ["a%0Ab", "%0A", "a%0A", "%2Fa", "%2F%2F%0D%0A"])
def test_a_subject_is_reached_whatever_its_id_holds(
    client: Client, database: psycopg.Connection[Any], registry: Registry, id: str
) -> None:
    both = Registry([render, read_letter])
    functions.register(database, both)
    address = f"{API}/subjects/letter/{id}"
    asked = client.post(f"{address}/request")
    assert (asked.status_code, asked.json["id"]) == (202, unquote(id))
    take_in(database, both)
    assert (client.get(address).json["id"], client.get(address).json["status"]) == (unquote(id), "active")
    assert client.post(f"{address}/tokens", json={}).status_code == 201
    assert client.post(f"{address}/cancel").status_code == 202
    assert (
        unquote(id)
        in json.loads(client.get(f"{address}/stream").text.partition("data: ")[2].partition("\n")[0]).values()
    )


def test_a_run_that_is_run_again_is_a_request_of_its_subject(
    client: Client, database: psycopg.Connection[Any], registry: Registry
) -> None:
    client.post(f"{API}/subjects/video/1/request", json={"data": {"size": 4}})
    take_in(database, registry)
    run = client.get(f"{API}/subjects/video/1").json["run"]["id"]
    assert client.post(f"{API}/runs/{run}/rerun").status_code == 409
    client.post(f"{API}/subjects/video/1/cancel")
    assert client.post(f"{API}/runs/{run}/rerun").status_code == 202
    assert row(database) == "processing"
    take_in(database, registry)
    again = client.get(f"{API}/subjects/video/1").json["run"]
    assert (again["id"] != run, again["event"]["data"]) == (True, {"size": 4, "id": 1})


def test_what_is_not_there_is_404(client: Client, registry: Registry) -> None:
    for path in ("video/9", "video/x", "film/1", "video/%00"):
        assert client.get(f"{API}/subjects/{path}").status_code == 404, path
        for verb in ("request", "cancel"):
            assert client.post(f"{API}/subjects/{path}/{verb}").status_code == 404, path


def test_a_request_meets_a_table_that_somebody_has_locked_and_is_to_be_tried_again(
    client: Client, registry: Registry, database_url: str
) -> None:
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE public.videos IN ACCESS EXCLUSIVE MODE")
        answer = client.post(f"{API}/subjects/video/1/request")
        assert client.post(f"{API}/events", json={"name": "video/requested", "data": {"id": 2}}).status_code == 202
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.json["detail"] == "The row of this video can't be looked for at the moment; try again."
    assert client.post(f"{API}/subjects/video/1/request").status_code == 202


def test_subjects_are_listed_by_kind_and_status(client: Client, registry: Registry) -> None:
    for id in (1, 2):
        assert client.post(f"{API}/subjects/video/{id}/request").status_code == 202
    page = client.get(f"{API}/subjects?kind=video&status=active&limit=1").json
    assert [each["id"] for each in page["items"]] == [2]
    rest = client.get(f"{API}/subjects?kind=video&status=active&limit=1&cursor={page['nextCursor']}").json
    assert [each["id"] for each in rest["items"]] == [1]
    assert client.get(f"{API}/subjects?kind=film").json["items"] == []


def test_an_answer_that_is_kept_has_one_effect(
    client: Client, database: psycopg.Connection[Any], registry: Registry
) -> None:
    same = {"Idempotency-Key": "k"}
    first = client.post(f"{API}/subjects/video/1/request", headers=same)
    assert client.post(f"{API}/subjects/video/1/request", headers=same).json == first.json
    assert database.execute("SELECT count(*) FROM andon.events").fetchall() == [(1,)]


def test_rows_that_somebody_else_has_written_are_found_and_mended(
    client: Client, database: psycopg.Connection[Any], registry: Registry
) -> None:
    client.post(f"{API}/subjects/video/1/request")
    database.execute("UPDATE public.videos SET status = 'new' WHERE id = 1")
    found = astray.find(database, "video")
    told = [(each.id, each.row, each.wanted) for each in found]
    assert told == [("1", "new", "processing"), ("2", "processing", "failed")]
    assert [astray.mend(database, "video", each) for each in found] == [True, True]
    assert (astray.find(database, "video"), row(database), row(database, 2)) == ([], "processing", "failed")
    with pytest.raises(astray.NotFollowed):
        astray.find(database, "film")


def test_the_doctor_tells_of_rows_that_can_not_be_written(
    client: Client, database: psycopg.Connection[Any], registry: Registry
) -> None:
    client.post(f"{API}/subjects/video/1/request")
    take_in(database, registry)
    database.execute("ALTER TABLE public.videos ADD CONSTRAINT never CHECK (status <> 'cancelled')")
    client.post(f"{API}/subjects/video/1/cancel")
    assert client.get(f"{API}/subjects/video/1").json["status"] == "cancelled"
    assert "never" in client.get(f"{API}/subjects/video/1").json["owed"]
    functions.register(database, registry)
    found = {each.name: each for each in check_system(database)}
    assert "1 rows are owed, video 1 for 0 s" in found["followed rows"].found
    assert "the table forbids cancelled='cancelled'" in found["subject video"].found


def test_a_token_for_a_subject_follows_and_cancels_it_and_no_other(
    client: Client, database: psycopg.Connection[Any], registry: Registry
) -> None:
    made = client.post(f"{API}/subjects/video/1/tokens", json={"scopes": ["read", "cancel"]})
    assert (made.status_code, made.json["things"]) == (201, ["subject:video:1"])
    assert client.post(f"{API}/subjects/video/9/tokens").status_code == 404
    bearer = {"Authorization": f"Bearer {made.json['token']}"}
    client.post(f"{API}/subjects/video/1/request")
    assert client.get(f"{API}/subjects/video/2", headers=bearer).status_code == 403
    assert client.get(f"{API}/subjects/video/1", headers=bearer).json["status"] == "active"
    assert client.post(f"{API}/subjects/video/1/cancel", headers=bearer).status_code == 202
    take_in(database, registry)
    told = client.get(f"{API}/subjects/video/1/stream?token={made.json['token']}").text
    assert "event: subject" in told
    assert told.rstrip().endswith("event: end\ndata: {}")
    assert "event: subject" in client.get(f"{API}/stream", headers=bearer).text


def test_who_watches_a_subject_is_told_at_once_that_it_was_asked_for_or_cancelled(
    app: Flask, client: Client, registry: Registry
) -> None:
    live = app.extensions["andon"].live
    rings = live.rings
    with live.listen("subject:video:1", of=live.streams) as ear:
        wait_until(lambda: live.rings > rings, what="it listens")

        def told() -> bool:
            return "subject:video:1" in ear.named()

        told()
        client.post(f"{API}/subjects/video/1/request")
        wait_until(told)
        client.post(f"{API}/subjects/video/1/cancel")
        wait_until(told)
        client.post(f"{API}/events", json={"name": "video/requested", "data": {"id": 1}})
        wait_until(told)


def test_subjects_are_found_by_when_they_were_first_asked_for_and_by_whom(
    client: Client, database: psycopg.Connection[Any], registry: Registry
) -> None:
    for id in (1, 2):
        assert client.post(f"{API}/subjects/video/{id}/request").status_code == 202
    database.execute(
        "UPDATE andon.subjects SET created_at = '2020-01-01Z', requested_by = '{\"id\": \"ada\"}' WHERE key = '1'"
    )

    def found(query: str) -> list[int]:
        return [each["id"] for each in client.get(f"{API}/subjects?{query}").json["items"]]

    assert found("createdBefore=2021-01-01T00:00:00Z") == [1]
    assert found("createdAfter=2021-01-01T00:00:00Z&kind=video") == [2]
    assert (found("requestedBy=ada"), found("requestedBy=anonymous&status=active&status=failed")) == ([1], [2])
    assert found("status=active") == [2, 1]
    cursor = client.get(f"{API}/subjects?limit=1&status=active").json["nextCursor"]
    assert client.get(f"{API}/subjects?limit=1&cursor={cursor}&requestedBy=ada").status_code == 400


def test_a_stale_page_cancels_no_other_run_and_changes_no_other_version(
    client: Client, database: psycopg.Connection[Any], registry: Registry
) -> None:
    path = f"{API}/subjects/video/1"
    never = client.get(path).headers["ETag"]
    assert client.post(f"{path}/request", headers={"If-Match": never}).status_code == 202
    assert client.post(f"{path}/cancel", json={"runId": str(new_id())}).json["code"] == "another-run"
    take_in(database, registry)
    shown = client.get(path)
    first, tag = shown.json["run"]["id"], shown.headers["ETag"]
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    assert client.post(f"{path}/cancel", json={"runId": str(new_id())}).status_code == 409
    assert client.post(f"{path}/cancel", headers={"If-Match": never}).status_code == 412
    assert client.get(path).json["status"] == "active"
    cancelled = client.post(f"{path}/cancel", json={"runId": first}, headers={"If-Match": tag})
    assert (cancelled.status_code, cancelled.json["runId"]) == (202, first)
    assert client.post(f"{path}/request", headers={"If-Match": tag}).status_code == 412
    assert client.post(f"{path}/request", headers={"If-Match": client.get(path).headers["ETag"]}).status_code == 202
    take_in(database, registry)
    assert client.post(f"{path}/cancel", json={"runId": first}).json["code"] == "another-run"
    assert client.get(path).json["status"] == "active"
    other = client.get(f"{API}/subjects/video/2").headers["ETag"]
    assert client.post(f"{path}/cancel", headers={"If-Match": other}).status_code == 412
