"""`Intake`: what it does with each entry, and in which order, so that a crash anywhere repeats and loses nothing."""

from __future__ import annotations

import pytest
from redis.exceptions import ConnectionError as RedisAway

from andon.adapters.postgres.leadership import Leadership, NotLeader
from andon.adapters.redis.bus import GROUP, STREAM
from andon_worker.dispatcher.batches.batch import Effects

from .conftest import Desk


def test_what_is_signalled_is_committed_and_not_yet_acknowledged(desk: Desk) -> None:
    seen: list[tuple[list[str], int]] = []
    desk.on_signal = lambda _: seen.append((desk.statuses(), desk.pending))
    desk.send()
    desk.handle_all()
    assert seen == [(["queued"], 1)]
    assert desk.pending == 0


def test_a_batch_whose_signal_failed_is_handled_again_with_one_effect(desk: Desk) -> None:
    def fail(_: Effects) -> None:
        raise RedisAway("gone")

    desk.handle()
    desk.on_signal = fail
    desk.send()
    with pytest.raises(RedisAway):
        desk.handle()
    assert (desk.statuses(), desk.pending) == (["queued"], 1)
    desk.on_signal = lambda _: None
    desk.handle_all()
    assert (desk.statuses(), desk.pending) == (["queued"], 0)


def test_who_no_longer_leads_commits_signals_and_acknowledges_nothing(desk: Desk) -> None:
    desk.handle()
    desk.send()
    desk.db.execute("UPDATE andon.dispatcher_leases SET lease_until = now() - interval '1 s'")
    assert Leadership("another", seconds=60).acquire(desk.db)
    with pytest.raises(NotLeader):
        desk.handle()
    assert (desk.statuses(), desk.signalled, desk.pending) == ([], [], 1)


def test_what_another_has_read_and_not_acknowledged_comes_first(desk: Desk) -> None:
    desk.send(case="first")
    desk.bus.xreadgroup(GROUP, "another", {STREAM: ">"})
    desk.send(case="second")
    assert desk.handle() == 1
    assert desk.statuses() == ["queued"]
    desk.handle_all()
    assert (desk.statuses(), desk.pending) == (["queued", "queued"], 0)


def test_an_entry_that_was_trimmed_while_pending_is_acknowledged_and_counted(desk: Desk) -> None:
    gone = desk.send()
    desk.bus.xreadgroup(GROUP, "another", {STREAM: ">"})
    desk.bus.xdel(STREAM, gone)
    desk.handle_all()
    assert (desk.statuses(), desk.pending, desk.dropped("trimmed")) == ([], 0, 1)


def test_an_entry_below_the_low_water_mark_is_acknowledged_and_counted_but_starts_nothing(desk: Desk) -> None:
    desk.db.execute("UPDATE andon.dispatcher_leases SET low_water = '99999999999999-0'")
    desk.send()
    desk.handle_all()
    assert (desk.statuses(), desk.pending, desk.dropped("forgotten")) == ([], 0, 1)


def test_poison_is_dead_with_its_reason_and_its_neighbours_run(desk: Desk) -> None:
    desk.send(case="before")
    desk.send(data="{")
    desk.send(name="no-slash\x00")
    desk.send(case="after")
    desk.handle_all()
    assert desk.statuses() == ["queued", "queued"]
    assert [reason.split(":")[0] for reason in desk.dead()] == ["data", "name"]
    assert desk.pending == 0


def test_one_entry_that_only_the_database_refuses_is_dead_alone(desk: Desk) -> None:
    desk.db.execute("ALTER TABLE andon.events ADD CONSTRAINT no_b CHECK (data->>'case' IS DISTINCT FROM 'b') NOT VALID")
    try:
        for case in "abc":
            desk.send(case=case)
        desk.handle_all()
    finally:
        desk.db.execute("ALTER TABLE andon.events DROP CONSTRAINT no_b")
    assert desk.statuses() == ["queued", "queued"]
    [reason] = desk.dead()
    assert reason.startswith("refused by the database:")
    assert desk.pending == 0


def test_the_same_event_again_has_no_second_effect(desk: Desk) -> None:
    for _ in range(3):
        desk.send(id="one")
    desk.handle_all()
    assert desk.statuses() == ["queued"]


def test_a_cancel_stops_the_older_run_and_leaves_the_newer(desk: Desk) -> None:
    desk.send()
    desk.send("walk/cancelled")
    desk.send()
    desk.handle_all()
    walks = "SELECT status FROM andon.runs WHERE kind = 'function' ORDER BY event_seq"
    assert [status for (status,) in desk.db.execute(walks).fetchall()] == ["cancelled", "queued"]


def test_ends_that_start_and_stop_nothing_wait_until_they_are_asked_for(desk: Desk) -> None:
    desk.handle()
    desk.send("andon/function.completed", data='{"runId": "01977420-0000-7000-8000-000000000000"}')
    assert desk.handle() == 1
    assert desk.pending == 1
    desk.intake.handle_put_off()
    assert desk.pending == 0


def test_making_the_group_again_changes_nothing_and_reads_from_the_beginning(desk: Desk) -> None:
    desk.bus.xgroup_destroy(STREAM, GROUP)
    desk.send()
    desk.intake.create_group()
    desk.intake.create_group()
    desk.handle_all()
    assert desk.statuses() == ["queued"]
