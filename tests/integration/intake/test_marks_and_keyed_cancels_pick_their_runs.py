"""`marks` and `keyed`: which runs a cancel stops, and what it does to each."""

from __future__ import annotations

import uuid

import pytest

from andon.adapters.postgres.cancels import keyed
from andon.adapters.postgres.cancels.marks import Mark, mark
from andon.adapters.postgres.events import inbox
from andon.adapters.postgres.runs import leases
from andon.engine.events import Event

from .conftest import Desk


def run_ids(desk: Desk) -> list[uuid.UUID]:
    return [id for (id,) in desk.db.execute("SELECT id FROM andon.runs ORDER BY event_seq").fetchall()]


def cancel_by(desk: Desk, reason: str) -> Event:
    """A cancel event, recorded."""
    found = desk.db.execute(
        "INSERT INTO andon.events (tenant, id, name, data, ts)"
        " VALUES ('default', gen_random_uuid()::text, 'x/y', '{}', now()) RETURNING seq, id"
    ).fetchone()
    assert found is not None
    return Event("x/y", {"reason": reason}, id=found[1], seq=found[0])


@pytest.fixture
def queued(desk: Desk) -> uuid.UUID:
    """A queued run."""
    desk.send()
    desk.handle_all()
    return run_ids(desk)[0]


def test_a_run_that_nobody_holds_has_ended_at_once(desk: Desk, queued: uuid.UUID) -> None:
    marked = mark(desk.db, [Mark(queued, cancel_by(desk, "one"))])
    assert (marked.cancelling, [each.run_id for each in marked.settled]) == ([], [queued])
    assert desk.statuses()[0] == "cancelled"


def test_a_run_that_is_held_goes_on_until_its_holder_stops_it(desk: Desk, queued: uuid.UUID) -> None:
    assert leases.claim(desk.db, queued, worker="w", lease=60)
    marked = mark(desk.db, [Mark(queued, cancel_by(desk, "one"))])
    assert (marked.cancelling, marked.settled) == ([queued], [])
    assert desk.statuses() == ["cancelling"]


def test_of_several_marks_of_a_run_the_first_counts_and_later_ones_change_nothing(
    desk: Desk, queued: uuid.UUID
) -> None:
    assert leases.claim(desk.db, queued, worker="w", lease=60)
    mark(desk.db, [Mark(queued, cancel_by(desk, reason)) for reason in ("one", "two")])
    assert mark(desk.db, [Mark(queued, cancel_by(desk, "three"))]) == ([], [])
    assert desk.db.execute("SELECT cancel_reason FROM andon.runs").fetchall() == [("one",)]


def test_nothing_asked_is_nothing_done(desk: Desk, queued: uuid.UUID) -> None:
    assert mark(desk.db, []) == ([], [])
    assert keyed.open_runs(desk.db, []) == []
    assert desk.statuses() == ["queued"]


def test_a_cancel_that_was_kept_stops_the_older_request_that_comes_later(desk: Desk) -> None:
    with desk.db.transaction():
        inbox.accept(desk.db, [Event("walk/requested", {"case": "a"}, id="older")])
    desk.send("walk/cancelled")
    desk.send(id="older")
    desk.handle_all()
    walks = "SELECT status FROM andon.runs WHERE kind = 'function'"
    assert desk.db.execute(walks).fetchall() == [("cancelled",)]
