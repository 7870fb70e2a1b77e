"""A cancel of a run that a worker holds is one statement. Whatever it meets, it is right or leaves the rest alone."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from andon.adapters.postgres.asks import held, reports, requests
from andon.adapters.postgres.asks.requests import Ask, Asked, Conflict
from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.runs.settle import End, settle_held
from andon.engine.ids import new_id
from tests.support.polling import PATIENCE, wait_until

USER = {"id": "ann"}
ROUNDS = 25
BOTH = pytest.mark.parametrize("verb", ["run", "report"])
_MARKED = """
SELECT r.status, r.cancel_requested_at IS NOT NULL, r.cancel_requested_by, r.cancel_reason, e.name, e.data, e."user",
    e.traceparent, e.ts IS NOT NULL, r.cancel_event_id = e.id, o.event_seq = e.seq,
    extract(epoch FROM r.cancel_deadline_at - r.cancel_requested_at)::int,
    p.status, p.version, p.cancel_requested_at = r.cancel_requested_at
FROM andon.runs r JOIN andon.events e ON e.seq = r.cancel_event_seq LEFT JOIN andon.outbox o ON o.event_seq = e.seq
LEFT JOIN andon.subjects p ON p.current_run_id = r.id WHERE r.id = %s
"""


@dataclass
class House:
    """A database with reports and runs, and what is asked of them on connections of their own."""

    url: str
    db: Connection

    def run(self, status: str, subject: uuid.UUID | None = None, on: Connection | None = None) -> uuid.UUID:
        """A run in this status, which its worker holds by the fence 1."""
        id = new_id()
        (on or self.db).execute(
            "WITH e AS (INSERT INTO andon.events (tenant, id, name, data, ts)"
            " VALUES ('default', %s, 'a/b', '{}', now()) RETURNING seq)"
            " INSERT INTO andon.runs (id, tenant, function_id, event_seq, subject_id, status, fence)"
            " SELECT %s, 'default', 'f', seq, %s, %s, 1 FROM e",
            [str(id), id, subject, status],
        )
        return id

    def report(self) -> uuid.UUID:
        """A report whose request has no run yet."""
        id = new_id()
        self.db.execute(
            "WITH r AS (INSERT INTO andon.reports (id, tenant, title, status)"
            " VALUES (%s, 'default', 'T', 'generating'))"
            " INSERT INTO andon.subjects (id, tenant, kind, key, status, request_event_id)"
            " VALUES (%s, 'default', 'report', %s, 'active', 'asked')",
            [id, reports.of("default", id), str(id)],
        )
        return id

    def attach(self, report_id: uuid.UUID, run_id: uuid.UUID, on: Connection | None = None) -> None:
        """Make this the report's run, as the dispatcher does."""
        (on or self.db).execute(
            "UPDATE andon.subjects SET current_run_id = %s WHERE key = %s", [run_id, str(report_id)]
        )

    def both(self, status: str) -> tuple[uuid.UUID, uuid.UUID]:
        """A report and its run in this status."""
        report_id = self.report()
        run_id = self.run(status, reports.of("default", report_id))
        self.attach(report_id, run_id)
        return report_id, run_id

    def cancel(self, verb: str, report_id: uuid.UUID, run_id: uuid.UUID, tenant: str = "default") -> Asked | None:
        """The one statement, on a connection of its own."""
        with connect(self.url, name="api") as connection:
            if verb == "run":
                return held.cancel_run(connection, run_id, Ask(tenant, USER, "late"))
            return reports.cancel_held(connection, report_id, Ask(tenant, USER, "late"))

    def cancels(self) -> int:
        """How many cancels are recorded."""
        [count] = self.db.execute("SELECT count(*) FROM andon.events WHERE name LIKE '%%cancelled'").fetchone() or [0]
        return int(count)

    def status(self, run_id: uuid.UUID) -> str:
        """The run's status."""
        [status] = self.db.execute("SELECT status FROM andon.runs WHERE id = %s", [run_id]).fetchone() or [""]
        return str(status)

    @contextmanager
    def meanwhile(self, ask: Callable[[], Asked | None]) -> Iterator[tuple[Connection, Future[Asked | None]]]:
        """A transaction that holds locks; once the block has made it, `ask` waits for them until it is committed."""
        with ThreadPoolExecutor(1) as caller, connect(self.url, name="other") as other:
            asked: Future[Asked | None] = Future()
            with other.transaction():
                yield other, asked
                answer = caller.submit(ask)
                wait_until(self._waits, what="the cancel waits for a lock")
            try:
                asked.set_result(answer.result(PATIENCE))
            except Conflict as refused:
                asked.set_exception(refused)

    def _waits(self) -> bool:
        return bool(
            self.db.execute(
                "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'andon-api'"
                " AND wait_event_type = 'Lock'"
            ).fetchall()
        )


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """An empty house with one function."""
    with connect(database_url, name="test") as db:
        db.execute(
            "INSERT INTO andon.functions (id, module, trigger, cancel_on, settings)"
            """ VALUES ('f', 'tests', 'a/b', '[]', '{"cancelDeadline": 300}')"""
        )
        yield House(database_url, db)


@BOTH
def test_it_does_what_the_verb_of_several_statements_does(house: House, verb: str) -> None:
    one, other = house.both("running"), house.both("running")
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    said = Ask("default", USER, "late", trace)
    with house.db.transaction():
        if verb == "run":
            expected = requests.cancel_run(house.db, other[1], said)
            asked = held.cancel_run(house.db, one[1], said)
        else:
            expected = reports.cancel(house.db, other[0], said)
            asked = reports.cancel_held(house.db, one[0], said)
    assert asked is not None
    assert (asked.cancelling, expected.cancelling) == ([one[1]], [other[1]])
    assert asked.events == [asked.event]
    assert asked.event.seq > expected.event.seq > 0
    [stored] = house.db.execute("SELECT seq, ts FROM andon.events WHERE id = %s", [asked.event.id]).fetchall()
    assert stored == (asked.event.seq, asked.event.ts)
    [got] = house.db.execute(_MARKED, [one[1]]).fetchall()
    [wanted] = house.db.execute(_MARKED, [other[1]]).fetchall()
    alike = [str(each).replace(str(one[0]), str(other[0])).replace(str(one[1]), str(other[1])) for each in got]
    assert alike == [str(each) for each in wanted]
    assert got[:4] == ("cancelling", True, USER, "late")
    assert got[9:] == (True, True, 300, "active", 2, True)


@BOTH
def test_asked_again_it_is_accepted_and_changes_nothing(house: House, verb: str) -> None:
    both = house.both("running")
    house.cancel(verb, *both)
    before = house.db.execute(_MARKED, [both[1]]).fetchall()
    again = house.cancel(verb, *both)
    assert again is not None
    assert (again.flags, house.cancels()) == ({}, 2)
    assert house.db.execute(_MARKED, [both[1]]).fetchall() == before


@BOTH
@pytest.mark.parametrize("status", ["queued", "waiting"])
def test_it_leaves_alone_what_no_worker_holds(house: House, verb: str, status: str) -> None:
    both = house.both(status)
    assert house.cancel(verb, *both) is None
    assert (house.status(both[1]), house.cancels()) == (status, 0)


@BOTH
def test_it_leaves_alone_what_is_not_there_for_this_tenant(house: House, verb: str) -> None:
    both = house.both("running")
    assert house.cancel(verb, *both, tenant="other") is None
    assert house.cancel(verb, new_id(), new_id()) is None
    assert (house.status(both[1]), house.cancels()) == ("running", 0)


def test_it_leaves_alone_a_request_whose_run_is_not_made_yet(house: House) -> None:
    assert house.cancel("report", house.report(), new_id()) is None
    assert house.cancels() == 0


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_it_refuses_a_run_that_has_ended(house: House, status: str) -> None:
    with pytest.raises(Conflict, match=f"Run has ended: {status}"):
        house.cancel("run", new_id(), house.run(status))
    assert house.cancels() == 0


def test_it_cancels_a_run_without_a_report_and_an_older_run_of_a_report(house: House) -> None:
    alone, [report_id, older] = house.run("running"), house.both("running")
    house.attach(report_id, house.run("running", reports.of("default", report_id)))
    for run_id in (alone, older):
        assert house.cancel("run", report_id, run_id) is not None
        assert house.status(run_id) == "cancelling"
    assert house.db.execute("SELECT cancel_requested_at FROM andon.subjects").fetchall() == [(None,)]


@BOTH
def test_a_cancel_that_waited_for_the_settling_is_too_late(house: House, verb: str) -> None:
    both = house.both("running")
    with house.meanwhile(lambda: house.cancel(verb, *both)) as (other, asked):
        other.execute("SELECT FROM andon.subjects WHERE key = %s FOR UPDATE", [str(both[0])])
        settle_held(other, [End(both[1], 1, "completed", "{}")])
    with pytest.raises(Conflict, match="completed" if verb == "run" else "not currently generating"):
        asked.result()
    assert (house.status(both[1]), house.cancels()) == ("completed", 0)


def test_a_cancel_that_waited_for_a_run_without_a_report_to_settle_is_too_late(house: House) -> None:
    run_id = house.run("running")
    with house.meanwhile(lambda: house.cancel("run", run_id, run_id)) as (other, asked):
        settle_held(other, [End(run_id, 1, "completed", "{}")])
    with pytest.raises(Conflict, match="completed"):
        asked.result()
    assert house.cancels() == 0


@BOTH
def test_a_run_that_was_claimed_meanwhile_is_marked(house: House, verb: str) -> None:
    both = house.both("queued")
    with house.meanwhile(lambda: house.cancel(verb, *both)) as (other, asked):
        other.execute("UPDATE andon.runs SET status = 'running', fence = 2 WHERE id = %s", [both[1]])
    answer = asked.result()
    assert answer is not None
    assert answer.cancelling == [both[1]]
    assert house.status(both[1]) == "cancelling"


@BOTH
def test_a_run_that_was_given_back_meanwhile_is_left_alone(house: House, verb: str) -> None:
    both = house.both("running")
    with house.meanwhile(lambda: house.cancel(verb, *both)) as (other, asked):
        other.execute("UPDATE andon.runs SET status = 'waiting' WHERE id = %s", [both[1]])
    assert asked.result() is None
    assert (house.status(both[1]), house.cancels()) == ("waiting", 0)


@BOTH
def test_a_run_that_was_marked_meanwhile_keeps_its_first_mark(house: House, verb: str) -> None:
    both = house.both("running")
    with house.meanwhile(lambda: house.cancel(verb, *both)) as (other, asked):
        first = requests.cancel_run(other, both[1], Ask("default", {"id": "bob"}, "first"))
    answer = asked.result()
    assert answer is not None
    assert answer.cancelling == []
    [[*_, event_id, who]] = house.db.execute(
        "SELECT cancel_event_id, cancel_requested_by FROM andon.runs WHERE id = %s", [both[1]]
    ).fetchall()
    assert (event_id, who) == (first.event.id, {"id": "bob"})


def test_a_run_that_was_attached_meanwhile_is_left_alone(house: House) -> None:
    report_id = house.report()
    with house.meanwhile(lambda: house.cancel("report", report_id, report_id)) as (other, asked):
        other.execute("SELECT FROM andon.subjects WHERE key = %s FOR UPDATE", [str(report_id)])
        house.attach(report_id, house.run("running", reports.of("default", report_id), on=other), on=other)
    assert asked.result() is None
    assert house.cancels() == 0
    with house.db.transaction():
        assert reports.cancel(house.db, report_id, Ask("default")).cancelling


@BOTH
def test_in_any_race_the_cancel_or_the_settling_wins(house: House, verb: str) -> None:
    """The subject is locked before the run by both, so neither ends in a deadlock."""
    outcomes = set()
    for _ in range(ROUNDS):
        report_id, run_id = house.both("running")
        start = threading.Barrier(2)

        def cancel(report_id: uuid.UUID = report_id, run_id: uuid.UUID = run_id, start: Any = start) -> bool:
            start.wait(PATIENCE)
            try:
                return house.cancel(verb, report_id, run_id) is not None
            except Conflict:
                return False

        with ThreadPoolExecutor(1) as caller, connect(house.url, name="worker") as worker:
            accepted = caller.submit(cancel)
            start.wait(PATIENCE)
            while not settle_held(worker, [End(run_id, 1, "completed", "{}")]):
                pass  # the cancel holds the row just now
            won = accepted.result(PATIENCE)
        assert house.status(run_id) == ("cancelled" if won else "completed")
        [[report]] = house.db.execute("SELECT status FROM andon.reports WHERE id = %s", [report_id]).fetchall()
        assert report == ("cancelled" if won else "generated")
        outcomes.add(won)
    assert outcomes


def test_two_cancels_at_once_leave_one_mark(house: House) -> None:
    for _ in range(ROUNDS):
        both = house.both("running")
        with ThreadPoolExecutor(2) as callers:
            asked = [callers.submit(house.cancel, verb, *both) for verb in ("run", "report")]
            marked = [each for one in asked if (found := one.result(PATIENCE)) for each in found.cancelling]
        assert marked == [both[1]]


def test_it_never_waits_in_a_transaction(house: House) -> None:
    """What is one statement on an autocommit connection keeps no lock when the process is frozen behind it."""
    both = house.both("running")
    with connect(house.url, name="api") as connection:
        held.cancel_run(connection, both[1], Ask("default"))
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
