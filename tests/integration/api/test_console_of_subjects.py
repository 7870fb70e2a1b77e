"""The console's cards of subjects: of any kind that is registered, and what can be asked there."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from andon import Event, Row, Step, Subject, function
from andon.adapters.postgres.registered import functions
from andon.engine.declared.functions import Registry
from andon_api.console import subjects
from andon_worker.dispatcher.batches.batch import record_batch
from tests.integration.api.conftest import Client

WORDS: dict[str, Any] = {"active": "processing", "completed": "done", "failed": "failed", "cancelled": "cancelled"}
ODD = "a/b <c>"


@function(id="render", trigger="film/requested", subject=Subject("short-film", row=Row("public.films", **WORDS)))
def render(event: Event, step: Step) -> None:
    """Registered here, and never run."""


@pytest.fixture
def registry(database: psycopg.Connection[Any]) -> Registry:
    subjects.known_kinds.clear()
    database.execute("CREATE TABLE public.films (id text PRIMARY KEY, status text)")
    database.execute("INSERT INTO public.films VALUES ('f1', 'new'), (%s, 'new')", [ODD])
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


def row(database: psycopg.Connection[Any], id: str) -> Any:
    return database.execute("SELECT status FROM public.films WHERE id = %s", [id]).fetchall()[0][0]


def test_the_menu_names_the_kinds_that_are_registered(client: Client, registry: Registry) -> None:
    assert '<a href="/subjects/short-film" >Short film</a>' in client.get("/runs").text
    page = client.get("/subjects/short-film")
    assert (page.status_code, "None was asked for yet" in page.text, "film/requested" in page.text) == (200, True, True)
    assert client.get("/subjects/novel").status_code == 404


def test_a_run_tells_what_it_is_about_in_every_list(
    client: Client, registry: Registry, database: psycopg.Connection[Any]
) -> None:
    client.post("/subjects/short-film", data={"id": "f1", "data": "{}"}, headers={"HX-Request": "true"})
    take_in(database, registry)
    [run] = client.get("/api/v1/runs").json["items"]
    assert run["subject"] == {"kind": "short-film", "id": "f1"}
    for page in ("/runs", f"/runs/{run['id']}"):
        assert '<a class="about" href="/subjects/short-film">short-film f1</a>' in client.get(page).text, page


@pytest.mark.parametrize("id", ["f1", ODD])
def test_one_is_asked_for_cancelled_and_asked_for_again_with_its_data(
    client: Client, registry: Registry, database: psycopg.Connection[Any], id: str
) -> None:
    made = client.post("/subjects/short-film", data={"id": id, "data": '{"size": 4}'})
    assert (made.status_code, made.headers["HX-Redirect"]) == (200, "/subjects/short-film")
    take_in(database, registry)
    page = client.get("/subjects/short-film").text
    place = f"/subjects/short-film/{quote(id)}"
    assert f'data-cancel="{place}/cancel"' in page
    assert "Cancel Short film?" in page
    assert "<c>" not in page, "an id is text"
    assert client.post(f"{place}/cancel", data={"reason": "enough"}).headers["HX-Trigger"] == "changed"
    assert (row(database, id), "enough" in client.get("/subjects/short-film").text) == ("cancelled", True)
    assert client.post(f"{place}/request").headers["HX-Trigger"] == "changed"
    assert row(database, id) == "processing"
    asked = database.execute("SELECT data FROM andon.events WHERE name = 'film/requested' ORDER BY seq DESC").fetchone()
    assert asked == ({"size": 4, "id": id},)


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"id": "", "data": ""}, 422, "expected the id of a short-film"),
        ({"id": "f1", "data": "[1]"}, 422, "expected a JSON object"),
        ({"id": "f1", "data": "{"}, 422, "expected JSON"),
        ({"id": "nobody", "data": ""}, 404, "There is no short-film nobody"),
    ],
)
def test_what_can_not_be_asked_is_said_in_the_form(
    client: Client, registry: Registry, form: dict[str, str], status: int, words: str
) -> None:
    answer = client.post("/subjects/short-film", data=form, headers={"HX-Request": "true"})
    assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert client.post("/subjects/novel", data={"id": "1"}, headers={"HX-Request": "true"}).status_code == 404


def test_one_that_is_active_is_not_asked_for_again(client: Client, registry: Registry) -> None:
    assert client.post("/subjects/short-film", data={"id": "f1"}).status_code == 200
    again = client.post("/subjects/short-film/f1/request", headers={"HX-Request": "true"})
    assert again.status_code == 409
