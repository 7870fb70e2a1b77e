"""However many steps a run had, however large its event and its error: what tells of its end can be read back."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import psycopg
import pytest

from andon.adapters.postgres.events.inbox import find_open, record, send_open
from andon.adapters.postgres.runs.settle import End, settle_held
from andon.adapters.redis.bus import decode, encode
from andon.engine.events import Event
from andon.engine.ids import new_id
from andon_api.http.document.event_shapes import SHAPES

LARGE = {
    "text": {"t": "x" * 255_000},
    "other letters": {"t": "\u4e2d" * 43_000},
    "beyond the first plane": {"t": "\U0001f600" * 21_000},
    "numbers that grow when they are written out": {"n": [1e308] * 20_000},
    "empty lists": {"a": [[]] * 64_000},
}


def end(
    database_url: str, event: Event, *, status: str = "failed", error: Any = None, steps: int = 0, name: str = "step"
) -> Event:
    """Make a run of `event` with so many steps, end it, and return what tells of it as our own reader reads it."""
    run_id = new_id()
    with psycopg.connect(database_url, autocommit=True) as connection:
        [made] = record(connection, [event])
        connection.execute(
            "INSERT INTO andon.runs (id, tenant, function_id, event_seq, status, fence, started_at)"
            " VALUES (%s, 'default', 'f', %s, 'running', 1, now())",
            [run_id, made.seq],
        )
        connection.execute(
            "INSERT INTO andon.steps (run_id, id, position, status, attempt, fence, started_at, output)"
            " SELECT %s, %s || n, n, 'completed', 1, 1, now(), '1' FROM generate_series(1, %s) n",
            [run_id, name, steps],
        )
        text = None if error is None else json.dumps(error)
        assert settle_held(connection, [End(run_id, 1, status, error=text)])
        [told] = send_open(connection, find_open(connection, older_than=0, limit=10))
    read = decode("1-1", {key.encode(): str(value).encode() for key, value in encode(told).items()})
    jsonschema_rs.Draft202012Validator(SHAPES["RunEnded"]).validate(read.data)
    return read


@pytest.mark.parametrize("data", LARGE.values(), ids=LARGE)
def test_a_run_of_an_event_that_is_as_large_as_can_be(database_url: str, data: dict[str, Any]) -> None:
    error = {"type": "ValueError", "message": "m" * 2_000, "traceback": "t" * 8_000}
    told = end(database_url, Event("a/b", data, id="e"), error=error, steps=3)
    assert told.data["error"] == error
    assert told.data["event"]["id"] == "e"
    assert told.data["event"] == {**told.data["event"], "data": None, "dataLeftOut": True}


def test_what_fits_is_told_whole(database_url: str) -> None:
    data = {"t": "x" * 150_000, "n": [1, 2.5, None]}
    told = end(database_url, Event("a/b", data, id="e", user={"id": "u"}), status="completed", steps=3)
    assert told.data["event"]["data"] == data
    assert told.data["event"]["user"] == {"id": "u"}
    assert (told.data["error"], told.data["requestedBy"]) == (None, None), "what isn't there isn't told"
    assert told.data["completedSteps"] == ["step1", "step2", "step3"]
    assert told.data["completedStepCount"] == 3


def test_of_seven_thousand_steps_the_first_and_the_last_are_named(database_url: str) -> None:
    told = end(database_url, Event("a/b", {"k": 1}, id="e"), status="completed", steps=7_000)
    names = told.data["completedSteps"]
    assert [names[0], names[49], names[50], names[-1]] == ["step1", "step50", "step6951", "step7000"]
    assert len(names) == 100
    assert told.data["completedStepCount"] == 7_000
    assert told.data["event"]["data"] == {"k": 1}


def test_steps_with_endless_names_and_an_endless_error_and_user(database_url: str) -> None:
    error = {"type": "E" * 5_000, "message": "\u00e9" * 200_000}
    event = Event("a/b", {"k": "v" * 100_000}, id="e", user={"name": "u" * 100_000})
    told = end(database_url, event, error=error, steps=200, name="\U0001f600" * 300)
    assert told.data["error"] == {"type": "E" * 200, "message": "\u00e9" * 2_000, "shortened": True}
    assert told.data["event"]["user"] is None
    assert told.data["completedSteps"] == []
    assert told.data["completedStepCount"] == 200
