"""What a run says over HTTP: by page, by filter, as a file, live; and on its page."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any
from uuid import UUID

import psycopg
import pytest

from andon.adapters.postgres.runs import run_logs
from andon.adapters.postgres.runs.run_logs import Chunk
from tests.integration.api.conftest import Client, MakeRun

API = "/api/v1"
AT = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC).timestamp()


def said(text: str, stream: str = "stdout", **more: Any) -> dict[str, Any]:
    return {"at": AT, "stream": stream, "text": text, **more}


@pytest.fixture
def run_id(client: Client, make_run: MakeRun, database: psycopg.Connection[Any]) -> UUID:
    """A run that has said five lines, in two steps."""
    client.post(f"{API}/events", json={"name": "a/b", "id": "trigger", "data": {}})
    made = make_run("trigger", function_id="f")
    load = [said("loading"), said("rows read", "log", level="info", logger="acme", fields={"rows": 30, "who": "Ada"})]
    save = [said("it Broke", "stderr"), said("broken", "log", level="error", logger="acme")]
    run_logs.keep(
        database,
        [
            Chunk(made, "load", 1, json.dumps(load)),
            Chunk(made, "save", 2, json.dumps(save)),
            Chunk(made, None, 1, json.dumps([said("between")])),
        ],
    )
    return made


def texts(client: Client, run_id: UUID, query: str = "") -> list[str]:
    return [each["text"] for each in client.get(f"{API}/runs/{run_id}/logs{query}").json["items"]]


def test_lines_come_in_their_order_with_all_that_a_record_was_given(client: Client, run_id: UUID) -> None:
    items = client.get(f"{API}/runs/{run_id}/logs").json["items"]
    assert [each["text"] for each in items] == ["loading", "rows read", "it Broke", "broken", "between"]
    assert items[1] == {
        "at": "2026-01-01T12:00:00.000000Z",
        "step": "load",
        "attempt": 1,
        "stream": "log",
        "level": "info",
        "logger": "acme",
        "text": "rows read",
        "fields": {"rows": 30, "who": "Ada"},
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?step=save", ["it Broke", "broken"]),
        ("?attempt=2", ["it Broke", "broken"]),
        ("?level=info", ["loading", "rows read", "it Broke", "broken", "between"]),
        ("?level=warning", ["broken"]),
        ("?text=BROKE", ["it Broke", "broken"]),
        ("?text=ada", ["rows read"]),
        ("?step=save&text=it", ["it Broke"]),
        ("?step=other", []),
    ],
)
def test_lines_are_found_by_step_attempt_level_and_text(
    client: Client, run_id: UUID, query: str, found: list[str]
) -> None:
    assert texts(client, run_id, query) == found


def test_what_was_printed_at_once_is_lines_and_what_was_logged_is_one(
    client: Client, run_id: UUID, database: psycopg.Connection[Any]
) -> None:
    more = [
        {**said("one\ntwo"), "step": "late", "attempt": 3},
        {**said("a\nb", "log", level="error", logger="acme"), "step": None, "attempt": 3},
    ]
    run_logs.keep(database, [Chunk(run_id, None, 1, json.dumps(more))])
    found = client.get(f"{API}/runs/{run_id}/logs?attempt=3").json["items"]
    assert [(each["step"], each["text"]) for each in found] == [("late", "one"), ("late", "two"), (None, "a\nb")]
    assert texts(client, run_id, "?step=late&text=w") == ["two"]


def test_pages_split_also_what_was_kept_together(client: Client, run_id: UUID) -> None:
    cursor, read = "", []
    while cursor is not None:
        page = client.get(f"{API}/runs/{run_id}/logs?limit=1{cursor and f'&cursor={cursor}'}").json
        read += [each["text"] for each in page["items"]]
        cursor = page["nextCursor"]
    assert read == ["loading", "rows read", "it Broke", "broken", "between"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("logs?level=loud", 422),
        ("logs?attempt=0", 422),
        ("logs?attempt=9999999999", 422),
        ("logs?limit=1001", 422),
        ("logs?cursor=x", 400),
        ("logs/download?format=xml", 422),
    ],
)
def test_what_is_asked_wrongly_is_refused(client: Client, run_id: UUID, path: str, status: int) -> None:
    assert client.get(f"{API}/runs/{run_id}/{path}").status_code == status


@pytest.mark.parametrize("path", ["logs", "logs/download", "logs/stream"])
def test_there_are_no_lines_of_a_run_that_is_not_there(client: Client, path: str) -> None:
    for id in ("0199e0a1-7c00-7000-8000-000000000001", "x"):
        assert client.get(f"{API}/runs/{id}/{path}").status_code == 404


def test_all_of_it_is_a_file_to_read_or_to_parse(client: Client, run_id: UUID) -> None:
    answer = client.get(f"{API}/runs/{run_id}/logs/download")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="run-{run_id}.txt"'
    assert answer.text.splitlines()[1:3] == [
        "2026-01-01T12:00:00.000Z info     load#1 rows read rows=30 who='Ada'",
        "2026-01-01T12:00:00.000Z stderr   save#2 it Broke",
    ]
    lines = client.get(f"{API}/runs/{run_id}/logs/download?format=json&level=error").text.splitlines()
    assert [json.loads(each)["text"] for each in lines] == ["broken"]


def test_the_stream_tells_what_was_said_then_what_is_said_and_ends_with_the_run(
    client: Client, run_id: UUID, database: psycopg.Connection[Any]
) -> None:
    stream = client.get(f"{API}/runs/{run_id}/logs/stream?step=save").response
    first = b""
    while b"data:" not in first:
        first += next(stream)
    assert b"it Broke" in first
    assert b"loading" not in first
    seen = first.split(b"id: ")[1].split(b"\n")[0].decode()
    run_logs.keep(database, [Chunk(run_id, "save", 2, json.dumps([said("at last")]))])
    database.execute(
        "UPDATE andon.runs SET status = 'completed', ended_at = clock_timestamp() - interval '5 s' WHERE id = %s",
        [run_id],
    )
    rest = b"".join(stream)
    assert b"at last" in rest
    assert rest.endswith(b"event: end\ndata: {}\n\n")
    behind = client.get(f"{API}/runs/{run_id}/logs/stream?step=save", headers={"Last-Event-ID": seen})
    assert "at last" in behind.text
    assert "it Broke" not in behind.text


def test_a_runs_page_shows_its_lines_and_only_those_asked_for(client: Client, run_id: UUID) -> None:
    text = client.get(f"/runs/{run_id}").text
    assert all(each in text for each in ("rows read", "who</bdi>=", "it Broke"))
    text = client.get(f"/runs/{run_id}?level=error").text
    assert "broken" in text
    assert "rows read" not in text
    text = client.get(f"/runs/{run_id}?step=save&attempt=2").text
    assert ("it Broke" in text, "loading" in text, "selected>attempt 2" in text) == (True, False, True)
    assert "No line is like that" in client.get(f"/runs/{run_id}?text=nothing").text


def test_a_page_is_told_of_a_change_at_once(client: Client, run_id: UUID) -> None:
    stream = client.get(f"/live?on=run:{run_id}").response
    assert ["retry" in next(stream).decode(), "event: changed" in next(stream).decode()] == [True, True]
    stream.close()
    assert client.get("/live?on=anything").status_code == 400
