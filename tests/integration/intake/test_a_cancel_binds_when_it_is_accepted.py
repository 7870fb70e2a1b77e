"""A cancel by a field that the API accepts stops its runs in that transaction, whatever a batch does beside it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from andon.adapters.postgres.asks.accepting import Accepted, accept_effects, concerned
from andon.adapters.postgres.cancels import wide
from andon.adapters.postgres.cancels.keyed import MOST_AT_ONCE
from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.runs import leases
from andon.engine.declared.functions import Registry
from andon.engine.declared.rules import run_flag
from andon.engine.events import Event
from andon_worker.dispatcher.batches.batch import record_batch
from tests.support.polling import PATIENCE, wait_until

from .conftest import Desk


def walk(case: str = "a", id: str = "w") -> Event:
    return Event("walk/requested", {"case": case}, id=id)


def cancel(case: str = "a", id: str = "c", **data: str) -> Event:
    return Event("walk/cancelled", {"case": case, **data}, id=id)


def send(connection: Connection, *events: Event) -> Accepted:
    """What the API does with events that cancel."""
    with connection.transaction():
        rules = concerned(connection, events)
        assert rules is not None
        return accept_effects(connection, events, rules)


def only_run(desk: Desk) -> uuid.UUID:
    [(id,)] = desk.db.execute("SELECT id FROM andon.runs WHERE kind = 'function'").fetchall()
    assert isinstance(id, uuid.UUID)
    return id


@pytest.fixture
def api(shared_url: str) -> Iterator[Connection]:
    """The API's connection."""
    connection = connect(shared_url, name="api")
    yield connection
    connection.close()


@pytest.fixture
def held(desk: Desk) -> uuid.UUID:
    """A run that a worker holds."""
    desk.send()
    desk.handle_all()
    assert leases.claim(desk.db, only_run(desk), worker="w", lease=60)
    return only_run(desk)


def test_events_that_cancel_nothing_by_a_field_need_no_transaction(desk: Desk) -> None:
    assert concerned(desk.db, [walk(), Event("nobody/listens")]) is None


def test_the_run_is_marked_before_any_dispatcher_has_seen_the_event(desk: Desk, held: uuid.UUID) -> None:
    accepted = send(desk.db, cancel(reason="late"))
    assert accepted.stopped == [held]
    assert run_flag(held) in accepted.flags
    marked = desk.db.execute("SELECT status, cancel_event_id, cancel_reason FROM andon.runs WHERE kind = 'function'")
    assert marked.fetchall() == [("cancelling", "c", "late")]


def test_a_run_that_nobody_holds_has_ended_and_its_end_is_published(desk: Desk) -> None:
    desk.send()
    desk.handle_all()
    accepted = send(desk.db, cancel())
    assert accepted.stopped == [only_run(desk)]
    assert [each.name for each in accepted.events] == ["walk/cancelled", "andon/function.cancelled"]


def test_other_cases_older_cancels_and_other_tenants_are_left_alone(desk: Desk, held: uuid.UUID) -> None:
    assert send(desk.db, cancel("b")).stopped == []
    other = Event("walk/cancelled", {"case": "a"}, id="c", tenant="other")
    assert send(desk.db, other).stopped == []
    assert desk.statuses() == ["running"]


def test_a_cancel_that_names_the_run_marks_it_too(desk: Desk, held: uuid.UUID) -> None:
    assert send(desk.db, Event("andon/run.cancelled", {"runId": str(held)}, id="c")).stopped == [held]


def test_sent_again_under_its_id_it_stops_nothing(desk: Desk) -> None:
    send(desk.db, cancel())
    desk.send()
    desk.handle_all()
    assert send(desk.db, cancel()).stopped == []
    assert desk.statuses() == ["queued"]


def test_the_dispatcher_that_takes_it_up_later_changes_nothing(desk: Desk, held: uuid.UUID) -> None:
    send(desk.db, cancel())
    before = desk.db.execute("SELECT * FROM andon.runs").fetchall()
    desk.send("walk/cancelled", id="c")
    desk.handle_all()
    assert desk.db.execute("SELECT * FROM andon.runs").fetchall() == before


def test_beside_an_uncommitted_batch_it_waits_for_the_run_that_the_batch_makes(
    desk: Desk, api: Connection, registry: Registry
) -> None:
    with ThreadPoolExecutor(1) as caller:
        with desk.db.transaction():
            record_batch(desk.db, registry, [walk()], ["1-0"])
            answer = caller.submit(send, api, cancel())
            wait_until(lambda: waits_for_a_key(desk.db), what="the cancel waits for the batch")
        assert answer.result(PATIENCE).stopped == [only_run(desk)]
    assert desk.statuses()[0] == "cancelled"


def test_beside_an_uncommitted_cancel_a_batch_waits_and_makes_the_older_run_as_cancelled(
    desk: Desk, api: Connection, registry: Registry
) -> None:
    older = walk()
    with desk.db.transaction():
        [older] = accept_effects(desk.db, [older], {}).events
    with ThreadPoolExecutor(1) as caller:
        with api.transaction():
            rules = concerned(api, [cancel()])
            assert rules is not None
            assert accept_effects(api, [cancel()], rules).stopped == []
            answer = caller.submit(batch, desk.db, registry, older)
            wait_until(lambda: waits_for_a_key(api), what="the batch waits for the cancel")
        answer.result(PATIENCE)
    assert desk.statuses()[0] == "cancelled"


@pytest.mark.parametrize("many", [600, 1_200], ids=["by their keys", "as a whole"])
def test_another_tenants_cancel_waits_for_no_batch_however_large(
    desk: Desk, api: Connection, registry: Registry, many: int
) -> None:
    with ThreadPoolExecutor(1) as caller:
        with desk.db.transaction():
            walks = [walk(f"case-{number}", f"w{number}") for number in range(many)]
            record_batch(desk.db, registry, walks, [f"1-{number}" for number in range(many)])
            for number in range(20):
                other = replace(cancel(f"case-{number}", f"c{number}"), tenant="other")
                assert caller.submit(send, api, other).result(PATIENCE).stopped == []
            own = caller.submit(send, api, cancel("case-7"))
            wait_until(lambda: waits_for_a_key(desk.db), what="its own tenant's cancel waits for the batch")
        assert own.result(PATIENCE).stopped


def batch(connection: Connection, registry: Registry, event: Event) -> None:
    with connection.transaction():
        record_batch(connection, registry, [event], [None])


def waits_for_a_key(connection: Connection) -> bool:
    return bool(
        connection.execute(
            "SELECT FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchall()
    )


def test_a_great_many_are_not_named_and_none_of_them_is_claimed_any_more(desk: Desk, registry: Registry) -> None:
    many = [walk(id=f"w{n}") for n in range(MOST_AT_ONCE + 1)]
    with desk.db.transaction():
        record_batch(desk.db, registry, [*many, walk("b", "other")], [None] * (len(many) + 1))
    assert send(desk.db, cancel()).stopped is None
    [(named,)] = desk.db.execute("SELECT id FROM andon.runs ORDER BY event_seq LIMIT 1").fetchall()
    assert leases.claim(desk.db, named, worker="w", lease=60) is None


def test_a_great_many_are_stopped_by_the_sweeper_whoever_sent_the_cancel(desk: Desk, registry: Registry) -> None:
    many = [walk(id=f"w{n}") for n in range(MOST_AT_ONCE + 1)]
    with desk.db.transaction():
        record_batch(desk.db, registry, [*many, walk("b", "other")], [None] * (len(many) + 1))
        effects = record_batch(desk.db, registry, [cancel()], [None])
    assert (len(effects.settled), len(effects.flags)) == (0, 1), "no batch takes as long as all of them would"
    with desk.db.transaction():
        swept = wide.sweep(desk.db)
    assert swept is not None
    rows = desk.db.execute("SELECT status, count(*) FROM andon.runs WHERE kind = 'function' GROUP BY 1").fetchall()
    assert dict(rows) == {"cancelled": len(many), "queued": 1}
