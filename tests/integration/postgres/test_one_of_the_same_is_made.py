"""Idempotency: of events with the same key one starts a run; a run that was cancelled or has failed frees its key."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from andon import CancelOn, Event, Function, Step, function
from tests.support.planning import planner

DAY = dt.timedelta(days=1)
RULES = [
    CancelOn("export/cancelled", match="data.id", if_="!has(async.data.sure) || async.data.sure"),
    CancelOn.every_run("exports/cancelled"),
]


def exporting(**said: Any) -> Function:
    def handler(event: Event, step: Step) -> None: ...

    declared = {"id": "export", "trigger": "export/asked", "cancel_on": RULES, "idempotency": "data.id", **said}
    return function(**declared)(handler)


def asked(id: Any) -> tuple[str, dict[str, Any]]:
    return "export/asked", {"id": id}


def cancelled(id: Any, **more: Any) -> tuple[str, dict[str, Any]]:
    return "export/cancelled", {"id": id, **more}


def test_a_second_event_of_the_key_starts_nothing_and_names_the_first_ones_run(database_url: str) -> None:
    with planner(database_url, exporting()) as here:
        here.batch(asked(1), asked(1), asked("1"), asked(2))
        here.batch(asked(1))
        assert here.runs() == [("e1", "queued"), ("e3", "queued"), ("e4", "queued")]
        assert here.skips() == [("e2", "idempotent", "e1"), ("e5", "idempotent", "e1")]


def test_the_key_counts_for_its_time_and_no_longer(database_url: str) -> None:
    with planner(database_url, exporting(idempotency_for=DAY)) as here:
        here.batch(asked(1))
        here.rows("UPDATE andon.dedup SET until = until - interval '23 hours' RETURNING 1")
        here.batch(asked(1))
        here.rows("UPDATE andon.dedup SET until = until - interval '1 hour' RETURNING 1")
        here.batch(asked(1))
        assert [id for id, _ in here.runs()] == ["e1", "e3"]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("cancel", [cancelled(1), ("exports/cancelled", {})])
def test_a_first_run_that_was_cancelled_frees_the_key(
    database_url: str, together: bool, cancel: tuple[str, dict[str, Any]]
) -> None:
    with planner(database_url, exporting()) as here:
        events = [asked(1), cancel, asked(1), asked(1)]
        for batch in [events] if together else [events[:1], events[1:]]:
            here.batch(*batch)
        assert [id for id, _ in here.runs()] == ["e1", "e3"]
        assert here.runs()[1] == ("e3", "queued"), "the cancel is older"
        assert here.skips() == [("e4", "idempotent", "e3")]


def test_a_cancel_of_another_or_one_that_does_not_hold_frees_nothing(database_url: str) -> None:
    with planner(database_url, exporting()) as here:
        here.batch(asked(1), cancelled(2), cancelled(1, sure=False), asked(1))
        assert [id for id, _ in here.runs()] == ["e1"]


def test_a_run_that_has_failed_frees_the_key_unless_it_is_kept(database_url: str) -> None:
    fail = "UPDATE andon.runs SET status = 'failed', ended_at = now() RETURNING 1"
    with planner(database_url, exporting(), exporting(id="kept", trigger="kept/asked", idempotency_keep=True)) as here:
        for _ in range(2):
            here.batch(asked(1), ("kept/asked", {"id": 1}))
            here.rows(fail)
        assert [id for id, _ in here.runs()] == ["e1", "e2", "e3"]
        assert here.skips() == [("e4", "idempotent", "e2")]


def test_without_the_field_nothing_tells_that_two_events_are_one(database_url: str) -> None:
    with planner(database_url, exporting()) as here:
        here.batch(("export/asked", {}), ("export/asked", {}), asked(None))
        assert len(here.runs()) == 3
