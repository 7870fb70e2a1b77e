"""Debounce: the newest of events that follow each other closely gets a run, which waits and can be cancelled."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from andon import CancelOn, Concurrency, Debounce, Event, Function, Singleton, Step, Timeouts, function
from tests.support.planning import planner

MINUTE = dt.timedelta(minutes=1)
_WAITS = "SELECT extract(epoch FROM wake_at - queued_at)::int FROM andon.runs ORDER BY id"


def indexing(**said: Any) -> Function:
    def handler(event: Event, step: Step) -> None: ...

    rules = [CancelOn("document/deleted", match="data.id")]
    debounce = Debounce(MINUTE, "data.id", at_most=3 * MINUTE)
    declared = {"id": "index", "trigger": "document/changed", "cancel_on": rules, "debounce": debounce, **said}
    return function(**declared)(handler)


def changed(id: Any, **more: Any) -> tuple[str, dict[str, Any]]:
    return "document/changed", {"id": id, **more}


def deleted(id: Any) -> tuple[str, dict[str, Any]]:
    return "document/deleted", {"id": id}


def test_the_newest_event_has_the_run_and_the_older_ones_say_so(database_url: str) -> None:
    with planner(database_url, indexing()) as here:
        effects = here.batch(changed(1), changed(1), changed(2))
        here.batch(changed(1))
        assert effects.started == []
        assert here.runs() == [("e3", "waiting"), ("e4", "waiting")]
        assert here.skips() == [("e1", "debounced", "e4"), ("e2", "debounced", "e4")]


def test_a_run_begins_after_the_period_or_at_the_latest_when_it_was_said(database_url: str) -> None:
    with planner(database_url, indexing()) as here:
        here.batch(changed(1))
        assert here.rows(_WAITS) == [(60,)]
        here.rows("UPDATE andon.runs SET queued_at = queued_at - interval '150 s' RETURNING 1")
        here.batch(changed(1))
        assert here.rows(_WAITS) == [(180,)]


def test_what_is_woken_is_pending_no_more_and_the_next_event_has_a_run_of_its_own(database_url: str) -> None:
    with planner(database_url, indexing()) as here:
        here.batch(changed(1))
        assert len(here.wake()) == 1
        here.rows("UPDATE andon.runs SET status = 'waiting', wake_at = now() + interval '1 hour' RETURNING 1")  # sleeps
        here.batch(changed(1))
        assert here.runs() == [("e1", "waiting"), ("e2", "waiting")]
        assert here.skips() == []


def test_a_cancel_stops_what_is_pending_by_the_rule_by_seq(database_url: str) -> None:
    with planner(database_url, indexing()) as here:
        here.batch(changed(1))
        here.batch(changed(1), deleted(1))
        here.batch(changed(1))
        assert here.runs() == [("e2", "cancelled"), ("e4", "waiting")]
        here.batch(deleted(1), changed(1))
        assert here.runs() == [("e2", "cancelled"), ("e6", "waiting")], "the newest is newer than the cancel"
        here.batch(deleted(1))
        assert here.runs()[-1] == ("e6", "cancelled")


def test_a_run_that_waited_for_quiet_still_waits_to_be_let_in(database_url: str) -> None:
    with planner(database_url, indexing(concurrency=Concurrency(1, key="data.user"), tags=["data.user"])) as here:
        here.batch(changed(1, user="ada"))
        here.batch(changed(1, user="bob"))
        assert here.rows("SELECT tag FROM andon.run_tags") == [("user:bob",)]
        assert here.rows("SELECT door = gate_keys[1] FROM andon.runs") == [(True,)]
        assert here.wake() == []
        assert here.rows("SELECT status, debounce_key IS NULL, door IS NOT NULL FROM andon.runs") == [
            ("queued", True, True)
        ]
        assert here.rows("SELECT count(*) > 0 FROM andon.gate_due") == [(True,)]


def test_its_time_to_start_counts_from_when_it_is_quiet(database_url: str) -> None:
    with planner(database_url, indexing(timeouts=Timeouts(start=MINUTE / 2))) as here:
        for _ in range(2):
            here.batch(changed(1))
            assert here.rows("SELECT start_by - wake_at FROM andon.runs") == [(MINUTE / 2,)]


@pytest.mark.parametrize("mode", ["skip", "cancel", "latest"])
def test_what_is_pending_is_the_open_run_of_its_singleton_and_keeps_its_cancel_keys(
    database_url: str, mode: Any
) -> None:
    with planner(database_url, indexing(singleton=Singleton("data.id", mode))) as here:
        here.batch(changed(1))
        here.batch(changed(1), changed(1))
        assert here.runs() == [("e3", "waiting")]
        assert here.skips() == [("e1", "debounced", "e3"), ("e2", "debounced", "e3")]
        here.batch(deleted(1))
        assert here.runs() == [("e3", "cancelled")]
