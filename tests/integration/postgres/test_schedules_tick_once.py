"""Ticks as the dispatcher makes them: each once, ever; what was missed or overlapped leaves a reason."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from andon import CancelOn, Cron, Event, Function, Step, function
from andon.adapters.cel import check_expression
from andon.adapters.cron import check_schedule
from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.doors import pauses
from andon.adapters.postgres.duties import look
from andon.adapters.postgres.registered import functions, schedules
from andon.adapters.postgres.runs import leases
from andon.adapters.postgres.runs.leases import Claimed
from andon.adapters.postgres.runs.settle import End, settle_held
from andon.engine.declared.functions import Registry
from andon_worker.dispatcher.batches.batch import record_batch
from andon_worker.dispatcher.duties.ticking import Ticked, tick
from andon_worker.dispatcher.gatekeeper import Gatekeeper

DAILY = Cron("0 3 * * *", "Europe/Berlin", data={"key": "nightly"})


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    with connect(database_url, name="test") as connection:
        yield connection


class Clockwork:
    """A dispatcher with schedules, whose time is moved by moving theirs."""

    def __init__(self, database: Connection, *crons: Cron) -> None:
        self.database = database
        self.deploy(*crons)

    def deploy(self, *crons: Cron) -> None:
        """A release with these."""
        self.registry = Registry([nightly(*crons)] if crons else [], check_expression=check_expression,
                                 check_schedule=check_schedule)  # fmt: skip
        with self.database.transaction():
            schedules.register(self.database, [("nightly", cron) for cron in crons])

    def back(self, **span: float) -> dt.datetime:
        """As if the next tick had been due so long ago."""
        [(next_at,)] = self.rows("SELECT date_trunc('minute', clock_timestamp())")
        at: dt.datetime = next_at - dt.timedelta(**span)
        self.database.execute("UPDATE andon.schedules SET next_at = %s, due_at = %s", [at, at])
        return at

    def tick(self) -> Ticked:
        """What upkeep does where a tick is due."""
        with self.database.transaction():
            return tick(self.database, self.registry)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.database.execute(query.encode()).fetchall()

    def tick_anew(self) -> None:
        """The next minute's tick, at once."""
        self.database.execute("UPDATE andon.events SET id = id || 'x'")  # it is another's than those before
        self.back(seconds=0)
        self.tick()

    def open(self) -> list[uuid.UUID]:
        """What the gatekeeper lets in."""
        with self.database.transaction():
            return [id for id, _ in Gatekeeper(self.registry).open(self.database).hints]

    def claim(self, id: uuid.UUID) -> Claimed:
        claimed = leases.claim(self.database, id, worker="w", lease=60)
        assert claimed is not None
        return claimed

    def settle(self, claimed: Claimed, status: str) -> None:
        settle_held(self.database, [End(claimed.id, claimed.fence, status)], frees=True)

    def statuses(self) -> list[str]:
        return [status for status, *_ in self.runs()]

    def runs(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT r.status, e.data->>'at', (e.data->>'missed')::int FROM andon.runs r"
                         " JOIN andon.events e ON e.seq = r.event_seq ORDER BY e.seq")  # fmt: skip

    def skips(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT reason, by_run IS NOT NULL, detail FROM andon.skips ORDER BY event_seq")

    def end(self) -> None:
        self.database.execute("UPDATE andon.runs SET status = 'completed', ended_at = now()")


def nightly(*crons: Cron) -> Function:
    def handler(event: Event, step: Step) -> None: ...

    rules = [CancelOn("nightly/stopped", match="data.key")]
    return function(id="nightly", triggers=crons, cancel_on=rules)(handler)


def stamps(ticks: Sequence[dt.datetime]) -> list[str]:
    return [f"{each.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}" for each in ticks]


def test_a_new_schedule_ticks_from_now_on_and_a_due_one_starts_a_run_and_moves_on(database: Connection) -> None:
    clockwork = Clockwork(database, Cron("* * * * *"))
    assert not look.due(database, lost_after=5, relay_after=1).tick
    at = clockwork.back(seconds=0)
    assert look.due(database, lost_after=5, relay_after=1).tick
    ticked = clockwork.tick()
    assert [len(each.started) for each in ticked.effects] == [1]
    assert clockwork.runs() == [("queued", *stamps([at]), 0)]
    assert clockwork.rows("SELECT last_at, next_at - last_at FROM andon.schedules") == [(at, dt.timedelta(minutes=1))]
    assert clockwork.rows("SELECT count(*) FROM andon.outbox") == [(0,)]


def test_one_tick_has_one_effect_however_many_dispatchers_and_releases_make_it(
    database: Connection, database_url: str
) -> None:
    clockwork = Clockwork(database, Cron("* * * * *", overlap="allow"))
    at = clockwork.back(minutes=0)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: ticking(database_url, clockwork.registry), range(4)))
    clockwork.deploy()
    clockwork.deploy(Cron("* * * * *", overlap="allow"))
    database.execute("UPDATE andon.schedules SET next_at = %s, due_at = %s", [at, at])
    clockwork.tick()
    assert clockwork.runs() == [("queued", *stamps([at]), 0)]


def ticking(url: str, registry: Registry) -> None:
    with psycopg.connect(url) as connection:
        tick(connection, registry)


def test_ten_hours_without_a_dispatcher_are_one_run_and_six_hundred_missed_ticks(database: Connection) -> None:
    clockwork = Clockwork(database, Cron("* * * * *"))
    clockwork.back(minutes=600)
    ticked = clockwork.tick()
    [(_, _, missed)] = clockwork.runs()
    assert missed == ticked.missed["nightly"] == 600
    assert clockwork.skips() == [("missed", False, {"missed": 600})]


def test_what_is_not_to_be_caught_up_starts_nothing_and_says_so(database: Connection) -> None:
    clockwork = Clockwork(database, Cron("0 3 1 1 *", catch_up="skip"))
    clockwork.back(minutes=600)
    clockwork.tick()
    assert clockwork.runs() == []
    assert clockwork.skips() == [("missed", False, {"missed": 1})]


def test_a_tick_is_skipped_while_a_run_of_the_schedule_is_open_and_names_it(database: Connection) -> None:
    clockwork = Clockwork(database, Cron("* * * * *"))
    for _ in range(2):
        clockwork.tick_anew()
    assert (len(clockwork.runs()), clockwork.skips()) == (1, [("overlap", True, None)])
    clockwork.end()
    clockwork.tick_anew()
    assert len(clockwork.runs()) == 2


def test_a_tick_in_a_queue_starts_when_the_run_of_the_one_before_has_ended(database: Connection) -> None:
    clockwork = Clockwork(database, Cron("* * * * *", overlap="queue"))
    for _ in range(3):
        clockwork.tick_anew()
    [first] = clockwork.open()
    claimed = clockwork.claim(first)
    assert clockwork.open() == []
    assert clockwork.statuses() == ["running", "queued", "queued"]
    clockwork.settle(claimed, "completed")
    [second] = clockwork.open()
    assert clockwork.open() == []
    claimed = clockwork.claim(second)
    assert clockwork.statuses() == ["completed", "running", "queued"]
    assert clockwork.skips() == []


def test_a_tick_that_cancels_starts_when_the_code_of_the_run_before_has_stopped(database: Connection) -> None:
    clockwork = Clockwork(database, Cron("* * * * *", overlap="cancel"))
    clockwork.tick_anew()
    claimed = clockwork.claim(*clockwork.open())
    for _ in range(2):
        clockwork.tick_anew()
    assert clockwork.open() == []
    assert clockwork.statuses() == ["cancelling", "cancelled", "queued"]
    assert clockwork.rows("SELECT DISTINCT cancel_cause FROM andon.runs WHERE cancel_requested_at IS NOT NULL") == [
        ("singleton",)
    ]
    clockwork.settle(claimed, "cancelled")
    assert len(clockwork.open()) == 1


def test_two_schedules_of_a_function_do_not_wait_for_each_other(database: Connection) -> None:
    clockwork = Clockwork(database, Cron("* * * * *", overlap="queue"), Cron("*/2 * * * *", overlap="cancel"))
    clockwork.back(seconds=0)
    clockwork.tick()
    assert len(clockwork.open()) == 2


def test_ticks_overlap_where_they_may_and_all_are_caught_up_in_their_order(database: Connection) -> None:
    clockwork = Clockwork(database, Cron("* * * * *", overlap="allow", catch_up="all"))
    at = clockwork.back(minutes=150)
    clockwork.tick()
    leases = clockwork.runs()
    assert [when for _, when, _ in leases] == stamps([at + dt.timedelta(minutes=51 + n) for n in range(100)])
    assert clockwork.skips() == [("missed", False, {"missed": 51})]


def test_a_run_of_a_schedule_is_cancelled_by_a_field_of_its_data(database: Connection) -> None:
    clockwork = Clockwork(database, DAILY)
    clockwork.back(seconds=0)
    clockwork.tick()
    with database.transaction():
        cancel = Event("nightly/stopped", {"key": "nightly"}, id="stop")
        record_batch(database, clockwork.registry, [cancel], [None])
    assert [status for status, *_ in clockwork.runs()] == ["cancelled"]


def test_nobody_else_can_send_a_tick(database: Connection) -> None:
    clockwork = Clockwork(database, DAILY)
    with database.transaction():
        forged = Event("andon/cron", {"functionId": "nightly"}, id="forged")
        effects = record_batch(database, clockwork.registry, [forged], ["1-0"])
    assert clockwork.runs() == []
    assert "which Andon alone can" in effects.refused["1-0"]


@pytest.mark.parametrize("place", [("function", "nightly"), ("queue", "default")])
@pytest.mark.parametrize(("catch_up", "runs", "missed"), [("once", 1, 11), ("skip", 0, 11), ("all", 11, 0)])
def test_ticks_of_a_paused_function_are_missed_and_caught_up_once_it_is_resumed(
    database: Connection, place: tuple[str, str], catch_up: Any, runs: int, missed: int
) -> None:
    clock = Clockwork(database, Cron("0 0 * * *", overlap="allow", catch_up=catch_up))
    functions.register(database, clock.registry)
    pauses.pause(database, ("default", *place), by=None, reason=None)
    clock.back(days=10)
    assert not look.due(database, lost_after=60, relay_after=60).tick
    assert clock.tick().missed == {}
    assert clock.rows("SELECT count(*) FROM andon.runs") == [(0,)]
    pauses.resume(database, ("default", *place))
    assert look.due(database, lost_after=60, relay_after=60).tick
    assert clock.tick().missed["nightly"] == missed
    assert clock.rows("SELECT count(*) FROM andon.runs") == [(runs,)]


def test_a_schedule_that_is_paused_keeps_its_pause_over_a_release_without_it(database: Connection) -> None:
    clockwork = Clockwork(database, DAILY)
    [schedule] = schedules.listed(database)
    assert schedules.pause(database, schedule, by={"id": "ada"}, reason="audit")
    assert not schedules.pause(database, schedule, by=None, reason=None)
    clockwork.back(minutes=600)
    assert not look.due(database, lost_after=5, relay_after=1).tick
    clockwork.deploy()
    clockwork.deploy(DAILY)
    [schedule] = schedules.listed(database)
    assert (schedule.paused_by, schedule.pause_reason) == ({"id": "ada"}, "audit")
    assert schedules.resume(database, schedule, DAILY)
    clockwork.tick()
    assert clockwork.runs() == [], "what it would have done meanwhile isn't caught up"
    clockwork.deploy()
    assert schedules.listed(database) == []
