"""A run keeps the cancel rules that it was made with, whatever a deploy changes or removes while it waits."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from andon import CancelOn, Event, Function, function
from andon.adapters.cel import check_expression
from andon.adapters.postgres.cancels import wide
from andon.adapters.postgres.connect import connect
from andon.adapters.postgres.registered import functions
from andon.engine.declared.functions import Registry
from andon_worker.dispatcher.batches.batch import record_batch

BY_ID = CancelOn("work/cancelled", match="data.id")
BY_KEY = CancelOn("work/cancelled", match="data.key")
EVERY = CancelOn.every_run("maintenance/started")
SOME = CancelOn("maintenance/started", if_="event.data.n > 1")


def declared(*rules: CancelOn, id: str = "work") -> Function:
    """A function with these rules."""
    return function(id=id, trigger=f"{id}/requested", cancel_on=rules)(lambda event, step: None)


class Release:
    """A dispatcher of one release: it registers its functions, and then takes events."""

    def __init__(self, connection: psycopg.Connection[Any], *functions_: Function) -> None:
        self.connection = connection
        self.registry = Registry(functions_, check_expression=check_expression)
        functions.register(connection, self.registry)

    def take(self, name: str, **data: Any) -> None:
        """Handle an event as it comes off the bus, and apply what is wide."""
        with self.connection.transaction():
            record_batch(self.connection, self.registry, [Event(name, data)], [None])
        while True:
            with self.connection.transaction():
                if wide.sweep(self.connection) is None:
                    return

    def status(self, **data: Any) -> str:
        """That of the newest run whose event has these data."""
        query = (
            "SELECT r.status FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq"
            " WHERE e.data @> %s::jsonb ORDER BY e.seq DESC LIMIT 1"
        )
        [status] = self.connection.execute(query, [json.dumps(data)]).fetchone() or [""]
        return str(status)


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection that commits each statement by itself."""
    with connect(database_url, name="test") as connection:
        yield connection


@pytest.mark.parametrize("later", [(), (declared(BY_KEY),), (declared(),), (declared(BY_ID, id="other"),)])
def test_a_cancel_by_field_stops_a_run_whose_rule_was_changed_or_whose_function_was_removed(
    database: psycopg.Connection[Any], later: tuple[Function, ...]
) -> None:
    Release(database, declared(BY_ID)).take("work/requested", id="a", key="k")
    new = Release(database, *later)
    new.take("work/cancelled", id="a")
    assert new.status(id="a") == "cancelled"


def test_a_run_does_not_get_rules_that_it_was_made_without(database: psycopg.Connection[Any]) -> None:
    Release(database, declared(BY_ID)).take("work/requested", id="a", key="k", n=5)
    new = Release(database, declared(BY_KEY, EVERY))
    new.take("work/cancelled", key="k")
    new.take("maintenance/started")
    assert new.status(id="a") == "queued"


@pytest.mark.parametrize("rule", [EVERY, SOME])
def test_a_wide_rule_that_was_removed_stops_the_runs_that_were_made_with_it_and_no_other(
    database: psycopg.Connection[Any], rule: CancelOn
) -> None:
    Release(database, declared(rule)).take("work/requested", id="old", n=5)
    new = Release(database, declared(BY_ID))
    new.take("work/requested", id="new", n=5)
    new.take("maintenance/started")
    assert (new.status(id="old"), new.status(id="new")) == ("cancelled", "queued")


def test_what_remembers_is_what_the_function_is_registered_with(database: psycopg.Connection[Any]) -> None:
    remembering = CancelOn("work/cancelled", match="data.id", remember=dt.timedelta(minutes=5))
    wide_too = CancelOn.every_run("maintenance/started", remember=dt.timedelta(minutes=5))
    old = Release(database, declared(BY_ID, EVERY))
    old.take("work/requested", id="a")
    new = Release(database, declared(remembering, wide_too))
    new.take("work/cancelled", id="a")
    assert new.status(id="a") == "cancelled"
    new.take("work/requested", id="a")
    assert new.status(id="a") == "cancelled", "the registered rule remembers"
    new.take("maintenance/started")
    new.take("work/requested", id="b")
    assert new.status(id="b") == "cancelled"


def test_a_rule_that_comes_back_is_no_former_one(database: psycopg.Connection[Any]) -> None:
    for rules in ((BY_ID,), (BY_KEY,), (BY_ID,)):
        release = Release(database, declared(*rules))
    assert release.registry.cancelled_by("work/cancelled") == [("work", BY_ID), ("work", BY_KEY)]
    assert database.execute("SELECT count(*) FROM andon.rules").fetchone() == (2,)


def test_stored_settings_that_can_not_be_read_stop_nobody(database: psycopg.Connection[Any]) -> None:
    release = Release(database, declared(BY_ID))
    for settings in ('{"cancelDeadline": "z", "on_cancel": "maybe"}', '{"cancelDeadline": 1e300}', "{}"):
        release.take("work/requested", id="a")
        database.execute("UPDATE andon.functions SET settings = %s::jsonb", [settings])
        database.execute("UPDATE andon.runs SET status = 'running' WHERE status = 'queued'")
        release.take("work/cancelled", id="a")
        assert release.status(id="a") == "cancelling"
        database.execute("DELETE FROM andon.runs")
