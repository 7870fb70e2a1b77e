"""A run is told to stop once, by whatever learns of it first, and ends as cancelled when its code has."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest

from andon.adapters.postgres.asks import held
from andon.adapters.postgres.asks.requests import Ask
from andon.adapters.postgres.runs.settle import End, settle_held
from andon.engine.declared.rules import run_flag
from andon.engine.stops import Cause
from andon_worker.supervisor.hosting.hosts import Run
from tests.support.polling import PATIENCE, wait_until
from tests.support.supervised import LEASE, Supervised


def cancel(supervised: Supervised, run: Run) -> int:
    """Accept a cancel of it, and tell nobody; its seq."""
    asked = held.cancel_run(supervised.db, run.id, Ask("default", reason="enough"))
    assert asked is not None
    return asked.event.seq


def test_a_pushed_flag_stops_the_code_and_the_run_is_cancelled_when_it_has_stopped(supervised: Supervised) -> None:
    run, lane = supervised.begin()
    lane.begin("s")
    supervised.executing.raised(run_flag(run.id), cancel(supervised, run))
    order = lane.ordered()
    assert (order["run"], order["cause"], order["last"]) == (str(run.id), Cause.CANCELLED, False)
    assert supervised.row(run, "status") == ("cancelling",)
    lane.end("stopped", cause=int(Cause.CANCELLED), traceback=None)
    supervised.wait_for(run, "cancelled")
    assert supervised.row(run, "cancel_reason", "current_step") == ("enough", "s")


def test_a_flag_of_an_event_before_the_runs_own_stops_nothing(supervised: Supervised) -> None:
    run, lane = supervised.begin()
    supervised.executing.raised(run_flag(run.id), run.claimed.event.seq)
    supervised.executing.raised("another's", 2**53)
    assert lane.keep("1") == {"kept": True}
    assert run.cause is None


def test_a_cancel_that_redis_has_lost_is_learned_with_the_next_result(supervised: Supervised) -> None:
    run, lane = supervised.begin()
    cancel(supervised, run)
    assert lane.keep("1") == {"kept": False, "stop": Cause.CANCELLED}
    lane.end("stopped", cause=int(Cause.CANCELLED), traceback=None)
    supervised.wait_for(run, "cancelled")


def test_a_cancel_that_was_accepted_wins_over_an_end_that_comes_after_it(supervised: Supervised) -> None:
    run, lane = supervised.begin()
    cancel(supervised, run)
    lane.end("completed", "7")
    supervised.wait_for(run, "cancelled")
    assert supervised.row(run, "output") == (None,)


def test_a_cancel_of_code_that_has_ended_already_stops_it_when_it_is_asked(supervised: Supervised) -> None:
    run, _ = supervised.begin()
    cancel(supervised, run)
    assert settle_held(supervised.db, [End(*run.holding, "completed", stopped=60.0)])
    assert supervised.row(run, "cancel_stopped_at = cancel_requested_at") == (True,)


def test_a_run_that_waits_for_a_lane_is_cancelled_at_once_and_takes_none(supervised: Supervised) -> None:
    supervised.stop(supervised.lanes.all_gone)
    claimed = supervised.claim()
    run = supervised.host(claimed)
    supervised.executing.raised(run_flag(run.id), cancel(supervised, run))
    supervised.wait_for(run, "cancelled")
    in_order = "cancel_stopped_at BETWEEN cancel_requested_at AND ended_at"
    assert supervised.row(run, in_order) == (True,)
    supervised.stop(lambda: supervised.lanes.opened(supervised.nursery))
    other, lane = supervised.begin()
    lane.end("completed", "8")
    supervised.wait_for(other, "completed")
    assert supervised.done == [run.id, other.id]


@pytest.mark.parametrize("raised", [True, False])
def test_a_check_looks_at_redis_and_where_it_is_new_at_postgres(supervised: Supervised, raised: bool) -> None:
    run, lane = supervised.begin()
    if raised:
        supervised.redis.set(f"andon:flag:{run_flag(run.id)}", 2**52)
    else:
        cancel(supervised, run)
        supervised.redis.flushall()
    assert lane.ask("check")["stop"] == Cause.CANCELLED


def test_code_that_does_not_stop_in_its_grace_is_killed(supervised: Supervised) -> None:
    run, lane = supervised.begin()
    lane.begin("deaf", grace=0.02)
    wait_until(lambda: run.underway)
    supervised.executing.raised(run_flag(run.id), cancel(supervised, run))
    assert [lane.ordered()["last"], lane.ordered()["last"]] == [False, True]
    assert lane.process.wait(PATIENCE) == -signal.SIGKILL
    supervised.wait_for(run, "cancelled")


def test_an_attempt_that_is_out_of_time_is_stopped_and_counts_as_failed(supervised: Supervised) -> None:
    run, lane = supervised.begin()
    lane.begin("slow", timeout=0.02, retries=1)
    assert lane.ordered()["cause"] == Cause.TIMEOUT
    lane.end("stopped", cause=int(Cause.TIMEOUT), traceback=None)
    supervised.wait_for(run, "waiting")
    [(status, error)] = supervised.db.execute("SELECT status, error->>'type' FROM andon.steps").fetchall()
    assert (status, error) == ("retrying", "StepTimeout")


def test_a_cleanup_that_takes_too_long_is_stopped_and_has_failed(supervised: Supervised) -> None:
    claimed = replace(supervised.claim(), kind="on_cancel")
    lane = supervised.start(claimed)
    run = supervised.hosts.get(claimed.id)
    assert run is not None
    lane.begin("slow")
    assert lane.ordered()["cause"] == Cause.TIMEOUT
    lane.end("stopped", cause=int(Cause.TIMEOUT), traceback=None)
    supervised.wait_for(run, "failed")
    assert supervised.row(run, "error->>'type'", "error->>'message'") == (
        "CleanupTimeout",
        "The cleanup took longer than 0.2 s (ANDON_CLEANUP_SECONDS)",
    )


def test_the_first_death_of_a_nursery_is_nobodys_fault_and_a_later_one_counts_as_a_lost_worker(
    supervised: Supervised,
) -> None:
    first, lane = supervised.begin()
    lane.begin("s")
    wait_until(lambda: first.underway)
    supervised.stop(supervised.lanes.all_gone)
    supervised.wait_for(first, "queued")
    assert supervised.row(first, "attempt", "lost", "lease_until") == (1, 0, None)
    supervised.nursery.replaces = True
    supervised.stop(lambda: supervised.lanes.opened(supervised.nursery))
    later, _ = supervised.begin()
    supervised.stop(supervised.lanes.all_gone)
    supervised.wait_for(later, "running")
    assert supervised.row(later, "lease_until <= clock_timestamp()") == (True,)


def test_what_a_lane_said_before_its_nursery_died_counts_once_and_the_lane_is_not_used_again(
    supervised: Supervised,
) -> None:
    run, lane = supervised.begin()

    def end() -> None:
        lane.end("completed", "7")
        supervised.lanes.all_gone()

    supervised.stop(end)
    supervised.wait_for(run, "completed")
    supervised.stop(lambda: supervised.lanes.opened(supervised.nursery))
    again, other = supervised.begin()
    other.end("completed", "8")
    supervised.wait_for(again, "completed")
    assert other is not lane
    assert supervised.done == [run.id, again.id]


def test_a_worker_that_closes_hands_its_runs_over_at_their_next_step(supervised: Supervised) -> None:
    run, lane = supervised.begin()
    supervised.executing.hand_over(hurry=False)
    assert lane.keep("1") == {"kept": True, "stop": Cause.HAND_OVER}
    lane.end("stopped", cause=int(Cause.HAND_OVER), traceback=None)
    supervised.wait_for(run, "queued")


def test_the_heartbeat_extends_leases_and_shows_the_step(supervised: Supervised) -> None:
    run, lane = supervised.begin()
    lane.begin("s")
    wait_until(lambda: run.underway)
    supervised.db.execute("UPDATE andon.runs SET lease_until = clock_timestamp() WHERE id = %s", [run.id])
    supervised.heartbeat.start()
    extended = f"lease_until > clock_timestamp() + interval '{LEASE / 2} s'"
    wait_until(lambda: supervised.row(run, extended, "current_step") == (True, "s"))
    wait_until(lambda: supervised.db.execute("SELECT id FROM andon.workers").fetchall() == [("w",)])  # said last


def test_the_heartbeat_stops_what_is_cancelled_and_what_is_lost_and_nothing_else(supervised: Supervised) -> None:
    kept, _ = supervised.begin()
    cancelled, stopped = supervised.begin()
    lost, killed = supervised.begin()
    cancel(supervised, cancelled)
    supervised.db.execute("UPDATE andon.runs SET fence = fence + 1 WHERE id = %s", [lost.id])
    supervised.heartbeat.start()
    assert stopped.ordered()["cause"] == Cause.CANCELLED
    assert killed.process.wait(PATIENCE) == -signal.SIGKILL
    wait_until(lambda: lost.id in supervised.done)
    assert kept.cause is None


def test_a_row_that_somebody_has_locked_is_neither_lost_nor_waited_for(supervised: Supervised) -> None:
    run, lane = supervised.begin()
    other, others = supervised.begin(function_id="other")
    with supervised.db.transaction():
        supervised.db.execute("SELECT FROM andon.runs WHERE id = %s FOR UPDATE", [run.id])
        supervised.heartbeat.start()
        before = supervised.heartbeat.last_beat
        supervised.heartbeat.beat_now()
        wait_until(lambda: supervised.heartbeat.last_beat > before)
        assert others.keep("1") == {"kept": True}
    assert (run.cause, other.cause) == (None, None)
    assert lane.keep("1") == {"kept": True}


def test_a_run_whose_function_is_paused_goes_no_further_than_to_its_next_step(supervised: Supervised) -> None:
    run, lane = supervised.begin()
    supervised.db.execute(
        "INSERT INTO andon.pauses (tenant, kind, name, running) VALUES ('default', 'function', 'work', 'hold')"
    )
    supervised.heartbeat.start()
    wait_until(lambda: run.paused)
    assert lane.keep("1") == {"kept": True, "stop": Cause.HAND_OVER}
    lane.end("stopped", cause=int(Cause.HAND_OVER), traceback=None)
    supervised.wait_for(run, "queued")
    assert supervised.row(run, "door IS NOT NULL") == (True,)
