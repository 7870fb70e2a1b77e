"""Duties, one at a time: due by the look, done, and then due no more."""

from __future__ import annotations

import time
from typing import Any

import pytest

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.database import Database
from andon.adapters.postgres.doors.pauses import Pauses
from andon.adapters.postgres.duties import look
from andon.adapters.postgres.events import inbox
from andon.adapters.redis import bus as events
from andon.adapters.redis import flags
from andon.engine.declared.functions import Registry
from andon.engine.events import Event
from andon.engine.ids import new_id
from andon.settings import Settings
from andon_worker.broker import HintBroker
from andon_worker.dispatcher.duties.cancels import CancelPaused, Cascade, Sweep
from andon_worker.dispatcher.duties.deadlines import Late, Overdue
from andon_worker.dispatcher.duties.doors import LookAtQueues, OpenDoors, Reconcile, TakeOutPaused
from andon_worker.dispatcher.duties.duty import Duty
from andon_worker.dispatcher.duties.ending import EndOutlived, Reclaim
from andon_worker.dispatcher.duties.hints import HintAgain, Unsent, Wake
from andon_worker.dispatcher.duties.new_redis import Recover
from andon_worker.dispatcher.duties.subjects import OpenSubjectDoors, WriteRows
from andon_worker.dispatcher.duties.ticking import Tick
from andon_worker.dispatcher.duties.unpublished import SWEEP_FIRST_SECONDS, MakeEnds, Relay
from andon_worker.dispatcher.duties.waits import LookForArrivals
from andon_worker.dispatcher.gatekeeper import Gatekeeper
from andon_worker.dispatcher.leader import Leader
from tests.integration.intake.conftest import Desk

NONE: list[Any] = [[] if name == "paused" else False for name in look.Due._fields]
NOTHING = look.Due(*NONE)


@pytest.fixture
def leader(desk: Desk, database: Database, bus: Any, registry: Registry) -> Leader:
    """One that has led for long."""
    return Leader(
        Settings(lease_seconds=60),
        registry,
        database,
        bus,
        HintBroker(bus),
        desk.leadership,
        desk.metrics,
        since=float("-inf"),
    )


def seen(leader: Leader) -> look.Due:
    """What a look says."""
    return look.due(leader.connection(), lost_after=5, relay_after=1)


def do(duty: Duty, leader: Leader) -> None:
    """Do it, which must be due before, and not afterwards."""
    assert duty.is_due(seen(leader))
    duty.act()
    assert not duty.is_due(seen(leader))


def run_that(desk: Desk, assignments: str) -> None:
    """A run, moved where the test wants it."""
    desk.send()
    desk.handle_all()
    desk.db.execute(f"UPDATE andon.runs SET {assignments}".encode(), prepare=False)


def test_a_run_whose_code_has_not_stopped_by_its_deadline_is_settled(desk: Desk, leader: Leader) -> None:
    run_that(
        desk,
        "status = 'cancelling', fence = 1, cancel_requested_at = now(), cancel_deadline_at = now(),"
        " lease_until = now() + interval '1 h', cancel_reason = 'request'",
    )
    do(Overdue(leader), leader)
    assert desk.statuses().count("cancelled") == 1


def test_a_run_that_has_not_started_in_time_is_cancelled(desk: Desk, leader: Leader) -> None:
    run_that(desk, "start_by = now()")
    do(Late(leader), leader)
    assert desk.statuses().count("cancelled") == 1


def test_a_run_of_a_lost_worker_is_queued_again_and_told_to_others(desk: Desk, leader: Leader) -> None:
    run_that(desk, "status = 'running', fence = 1, lease_until = now(), sent_at = now()")
    do(Reclaim(leader), leader)
    assert desk.statuses() == ["queued"]
    do(Unsent(leader), leader)


def test_who_has_just_begun_to_lead_reclaims_nothing_for_a_lease(desk: Desk, leader: Leader) -> None:
    run_that(desk, "status = 'running', fence = 1, lease_until = now()")
    leader.since = float("inf")
    assert not Reclaim(leader).is_due(seen(leader))


def test_a_run_whose_time_has_come_is_queued(desk: Desk, leader: Leader) -> None:
    run_that(desk, "status = 'waiting', wake_at = now()")
    do(Wake(leader), leader)
    assert desk.statuses() == ["queued"]


def test_a_hint_that_was_lost_is_sent_again(desk: Desk, leader: Leader) -> None:
    run_that(desk, "sent_at = now() - interval '1 h'")
    do(HintAgain(leader), leader)
    assert desk.db.execute("SELECT sent_at > now() - interval '1 min' FROM andon.runs").fetchall() == [(True,)]


def test_an_event_that_lies_open_is_published_once_the_bus_is_read(db: Connection, desk: Desk, leader: Leader) -> None:
    with db.transaction():
        inbox.accept(db, [Event("walk/requested", {"case": "a"}, id=str(new_id()))])
    db.execute("UPDATE andon.outbox SET created_at = now() - interval '30 s', sent_at = NULL")
    desk.bus.xadd(events.STREAM, {"name": "any/thing"}, id=f"{int((time.time() - 60) * 1000)}-0")
    Relay(leader, desk.intake).act()
    assert leader.redis.xlen(events.STREAM) == 1, "while an entry that is older isn't handled it may still be there"
    desk.handle_all()
    do(Relay(leader, desk.intake), leader)
    assert leader.redis.xlen(events.STREAM) == 2


def test_a_redis_that_is_new_is_made_whole(desk: Desk, leader: Leader, bus: Any) -> None:
    bus.flushall()
    recover = Recover(leader, desk.intake)
    recover.act()
    assert bus.get(flags.EPOCH)
    assert bus.xinfo_groups(events.STREAM)
    assert desk.intake.pending_first


def test_ends_are_told_when_all_are_swept_or_after_a_second(leader: Leader) -> None:
    ends, sweeping = MakeEnds(leader), NOTHING._replace(sweep=True, tell=True)
    assert ends.is_due(sweeping), "somebody may wait for what was swept long ago"
    ends.act()
    assert not ends.is_due(sweeping)
    assert ends.is_due(NOTHING._replace(tell=True))
    ends.told_at -= SWEEP_FIRST_SECONDS
    assert ends.is_due(sweeping)


def test_what_is_due_by_the_look_is_one_duty_or_two(desk: Desk, leader: Leader) -> None:
    gatekeeper = Gatekeeper(leader.registry)
    duties: list[Duty] = [
        *(each(leader) for each in (Overdue, Late, Sweep, CancelPaused, Cascade, EndOutlived, Reclaim)),
        *(each(leader) for each in (LookForArrivals, MakeEnds, OpenSubjectDoors, WriteRows, Unsent, HintAgain)),
        Tick(leader, lambda _: None),
        OpenDoors(leader, gatekeeper),
        Relay(leader, desk.intake),
    ]
    by_the_clock: list[Duty] = [
        Wake(leader),
        LookAtQueues(leader, gatekeeper),
        Reconcile(leader, gatekeeper),
        TakeOutPaused(leader, Pauses()),
    ]
    assert not [each.name for each in duties if each.is_due(NOTHING)]
    assert [each.name for each in by_the_clock if each.is_due(NOTHING)] == ["wake", "reconcile"]
    due_for = {
        said: {each.name for each in duties if each.is_due(NOTHING._replace(**dict[str, Any]({said: True})))}
        for said in look.Due._fields
        if said != "paused"
    }
    assert due_for == {
        "overdue": {"overdue", "unsent"},
        "sweep": {"sweep"},
        "tell": {"tell"},
        "reclaim": {"reclaim", "unsent"},
        "wake": set(),
        "unsent": {"unsent"},
        "hints_lost": {"lost hints"},
        "relay": {"relay"},
        "tick": {"tick"},
        "drained": set(),
        "doors": {"gate"},
        "subject_doors": {"subject doors", "unsent"},
        "rows": {"rows"},
        "late": {"late"},
        "cascade": {"cascade"},
        "outlived": {"outlived"},
        "cancel_paused": {"cancel paused"},
        "awaited": set(),
        "look": {"look"},
    }
