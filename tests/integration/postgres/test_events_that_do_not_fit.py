"""Events whose data aren't what a function expects start no run of it, and say why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from andon import Event, function
from andon.adapters.postgres.connect import connect
from andon.engine.declared.functions import Registry
from andon_worker.dispatcher.batches.batch import record_batch


@dataclass
class Walk:
    case: str


strict = function(id="strict", trigger="walk/requested", data=Walk)(lambda event, step: None)
lax = function(id="lax", trigger="walk/requested")(lambda event, step: None)


def test_the_bus_skips_those_and_the_others_start(database_url: str) -> None:
    with connect(database_url, name="test") as database:
        events: list[Event[Any]] = [Event("walk/requested", {"case": 7}), Event("walk/requested", {"case": "a"})]
        with database.transaction():
            record_batch(database, Registry([strict, lax]), events, [None, None])
        assert made(database) == [("lax", "a"), ("lax", 7), ("strict", "a")]
        told = database.execute("SELECT function_id, reason, detail FROM andon.skips").fetchall()
        detail = {"path": "data.case", "expected": "expected a text, got a whole number"}
        assert told == [("strict", "unfit", detail)]


def made(database: psycopg.Connection[Any]) -> list[tuple[str, object]]:
    statement = "SELECT r.function_id, e.data->'case' FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq"
    return sorted(database.execute(statement).fetchall(), key=str)
