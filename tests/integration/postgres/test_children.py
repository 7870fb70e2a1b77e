"""A run's children: made by the dispatcher alone, told to their parent when they end, cancelled with it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from andon import Concurrency
from andon.adapters.cel import value_of
from andon.adapters.postgres.cancels import wide
from andon.adapters.postgres.cancels.paused import cancel_started
from andon.adapters.postgres.connect import connect
from andon.adapters.postgres.doors import pauses
from andon.adapters.postgres.duties import ending
from andon.adapters.postgres.events.inbox import accept
from andon.adapters.postgres.runs import leases
from andon.adapters.postgres.runs.leases import Beat, Claimed
from andon.engine.declared.functions import Registry
from andon.engine.declared.gates import gates_of
from andon.engine.events import MOST_HOPS, RUNS_CANCELLED, Event
from andon.engine.ids import new_id
from andon.engine.steps.invoking import KEY, invoked_again
from andon_worker.dispatcher.duties.deadlines import settle_overdue
from andon_worker.dispatcher.duties.ending import outlived, reclaim
from tests.soak import births
from tests.support.family import FUNCTIONS, Family, declared
from tests.support.polling import PATIENCE, wait_until


@pytest.fixture
def family(database_url: str) -> Iterator[Family]:
    with connect(database_url, name="test") as connection:
        yield Family(connection)


@pytest.mark.parametrize(
    ("status", "kept", "code"),
    [
        ("completed", "completed", None),
        ("failed", "failed", "CHILD_FAILED"),
        ("cancelled", "failed", "CHILD_CANCELLED"),
    ],
)
def test_a_parent_goes_on_with_what_became_of_its_child(
    family: Family, status: str, kept: str, code: str | None
) -> None:
    parent = family.start()
    child = family.invoke(parent)
    assert (family.status(parent.id), family.status(child)) == ("waiting", None)
    [(started, _)] = family.take(*family.opened()).started
    held = family.claim(started)
    assert (held.id, held.parent_run_id, held.event.data["case"]) == (child, parent.id, "a")
    family.end(held, status, {"pages": 3})
    family.take_opened()
    memo = family.go_on(parent).memos["page"]
    assert memo.status == kept
    assert memo.output == ({"pages": 3} if code is None else None)
    assert (memo.error or {}).get("code") == code
    assert family.count("waits") == 0


def test_a_child_that_ended_before_its_parent_waited_for_it_is_found(family: Family) -> None:
    parent = family.start()
    child = family.start_child(parent)
    family.take_opened()
    family.end(family.claim(child), output=7)
    family.take_opened()
    family.wait_for_child(parent, child)
    assert family.wake() == []
    assert family.look() == [parent.id]
    assert family.go_on(parent).memos["result"].output == 7


def test_a_child_of_a_function_that_there_is_not_fails_the_step(family: Family) -> None:
    parent = family.start()
    family.invoke(parent, to="unknown")
    family.take_opened()
    error = family.go_on(parent).memos["page"].error
    assert error is not None
    assert error["code"] == "UNKNOWN_FUNCTION"


def test_a_run_that_invokes_itself_for_ever_comes_to_an_end_by_its_hops(family: Family) -> None:
    parent = family.start()
    family.invoke(parent)
    family.db.execute("UPDATE andon.events SET hops = %s WHERE name = 'andon/function.invoked'", [MOST_HOPS])
    assert family.take(*family.opened()).started == []
    assert "hop 50" in str(family.go_on(parent).memos["page"].error)


# --- a cancel of the parent, at each point between the invocation and the child's claim -------------------------------


def all_cancelled(family: Family) -> bool:
    """Whether every run is cancelled, or told to stop, and nothing is left to be done."""
    assert family.count("outbox") == family.count("cascades") == 0
    return family.statuses().keys() <= {"cancelled", "cancelling"}


def test_1_cancelled_before_it_is_suspended(family: Family) -> None:
    parent = family.start()
    family.cancel(parent.id)
    assert family.suspend(parent, family.asking(parent, "page", "child")) is None
    family.take_opened()
    assert family.statuses() == {"cancelling": 1}


def test_2_cancelled_when_it_is_suspended_and_its_invocation_is_not_read(family: Family) -> None:
    parent = family.start()
    child = family.invoke(parent)
    family.cancel(parent.id)
    family.take_opened()
    assert family.status(child) is None
    assert all_cancelled(family)
    reason, by_run = family.db.execute("SELECT reason, by_run FROM andon.skips").fetchone() or ("", None)
    assert (reason, by_run) == ("parent_cancelled", parent.id)


def test_3_cancelled_in_the_batch_that_makes_the_child(family: Family) -> None:
    parent = family.start()
    child = family.invoke(parent)
    family.take(*family.opened(), Event("family/cancelled", {"case": "a"}, id="c"))
    family.cascade()
    family.take_opened()
    assert family.status(child) == "cancelled"
    assert all_cancelled(family)


def test_4_cancelled_while_the_batch_that_makes_the_child_is_open(family: Family, database_url: str) -> None:
    births.watch(family.db)
    parent = family.start()
    child = family.invoke(parent, to="other")
    with connect(database_url, name="people") as people, ThreadPoolExecutor(1) as pool:
        with family.db.transaction():
            family.take(*family.opened())
            asked = pool.submit(family.cancel, parent.id, people)
            blocked = (
                "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE '%people%' AND wait_event_type = 'Lock'"
            )
            wait_until(lambda: family.db.execute(blocked).fetchone(), what="a cancel that waits for the batch")
            assert not asked.done()
        asked.result(PATIENCE)
    assert family.status(child) == "queued"
    assert family.db.execute("SELECT parent_was_to_stop FROM public.births").fetchall() == [(False,)]
    family.take_opened()
    assert family.status(child) == "cancelled"
    assert family.db.execute("SELECT kind FROM andon.runs WHERE parent_run_id = %s", [child]).fetchall() == [
        ("on_cancel",)
    ]


def test_5_cancelled_when_the_child_is_made_and_not_claimed(family: Family) -> None:
    parent = family.start()
    child = family.invoke(parent)
    family.take_opened()
    family.cancel(parent.id)
    family.take_opened()
    assert family.status(child) == "cancelled"
    assert all_cancelled(family)
    row = family.db.execute(
        "SELECT cancel_cause, cancel_reason, cancel_requested_by->>'id' FROM andon.runs WHERE id = %s", [child]
    ).fetchone()
    assert row == ("parent", "no use", "kim")


def test_6_cancelled_when_the_child_is_claimed(family: Family) -> None:
    parent = family.start()
    family.invoke(parent)
    [(child, _)] = family.take(*family.opened()).started
    held = family.claim(child)
    family.cancel(parent.id)
    family.take(*family.opened())
    [level] = family.cascade()
    assert level.cancelling == [child]
    assert family.end(held)[0].status == "cancelled"
    family.take_opened()
    assert all_cancelled(family)


def test_a_grandchild_that_is_asked_for_meanwhile_is_not_made(family: Family) -> None:
    parent = family.start()
    family.invoke(parent)
    [(child, _)] = family.take(*family.opened()).started
    grandchild = family.invoke(family.claim(child))
    family.cancel(parent.id)
    [asks, *cancelled] = family.opened()
    family.take(*cancelled)
    family.cascade()
    assert family.status(child) == "cancelled"
    family.take(asks)
    family.take_opened()
    assert family.status(grandchild) is None


# --- how far a cancel goes --------------------------------------------------------------------------------------------


def test_a_cancel_goes_down_the_whole_tree_a_level_at_a_time(family: Family) -> None:
    tree = [family.start()]
    for _ in range(4):
        family.invoke(tree[-1])
        [(child, _)] = family.take(*family.opened()).started
        tree.append(family.claim(child))
    family.cancel(tree[0].id)
    family.take(*family.opened())
    assert [len(level.settled) for level in family.cascade()] == [1, 1, 1, 0]
    assert [family.status(each.id) for each in tree] == ["cancelled"] * 4 + ["cancelling"]


def test_a_thousand_children_are_cancelled_at_once(family: Family) -> None:
    parent = family.start()
    sent = [family.asking(parent, f"page-{n}", "child").sends[0] for n in range(1_000)]
    with family.db.transaction():
        accept(family.db, sent)
    family.take(*family.opened())
    assert family.statuses() == {"running": 1, "queued": 1_000}
    family.cancel(parent.id)
    family.take_opened()
    assert family.statuses() == {"cancelling": 1, "cancelled": 1_000}


@pytest.mark.parametrize(("policy", "becomes"), [("cancel", "cancelled"), ("abandon", "queued")])
def test_a_child_may_be_abandoned_by_a_cancel(family: Family, policy: str, becomes: str) -> None:
    parent = family.start()
    child = family.invoke(parent, on_cancel=policy)
    family.take_opened()
    family.cancel(parent.id)
    family.take_opened()
    assert family.status(child) == becomes
    assert family.count("cascades") == 0


# --- a parent that ends after its children ----------------------------------------------------------------------------


def awaited(family: Family, **said: Any) -> tuple[Claimed, Claimed]:
    """A parent that waits for a child, and the child, which a worker holds."""
    parent = family.start(**said)
    child = family.invoke(parent, on_cancel="wait")
    family.take_opened()
    return parent, family.claim(child)


def test_a_parent_that_is_to_wait_is_cancelled_when_its_child_has_stopped(family: Family) -> None:
    parent, child = awaited(family, function_id="other")
    family.cancel(parent.id)
    family.take_opened()
    assert (family.status(parent.id), family.status(child.id)) == ("cancelling", "cancelling")
    assert outlived(family.db) == []
    assert [each.status for each in family.end(child, "cancelled")] == ["cancelled"]
    [settled] = outlived(family.db)
    assert (settled.run_id, settled.status, settled.cleanup) == (parent.id, "cancelled", True)
    assert family.wake() == []
    assert family.count("waits") == 0


def test_a_parent_whose_code_has_stopped_waits_until_its_childs_has(family: Family) -> None:
    parent = family.start()
    child = family.start_child(parent, on_cancel="wait")
    family.take_opened()
    held = family.claim(child)
    family.cancel(parent.id)
    assert [each.status for each in family.end(parent)] == ["cancelling"]
    assert family.end(parent, "cancelled") == []  # it is not its worker's any more
    assert leases.heartbeat(family.db, [Beat(parent.id, parent.fence, None, None, None, None)], lease=60) == []
    family.take_opened()
    family.end(held, "completed")  # its end wins over the cancel, or doesn't: it has ended
    assert [each.run_id for each in outlived(family.db)] == [parent.id]


def test_a_parent_that_cancels_itself_cancels_its_children_and_waits_for_them(family: Family) -> None:
    parent = family.start()
    child = family.start_child(parent, on_cancel="wait")
    family.take_opened()
    assert [each.status for each in family.end(parent, "cancelled")] == ["cancelling"]
    family.cascade()
    assert family.status(child) == "cancelled"
    assert [each.run_id for each in outlived(family.db)] == [parent.id]


def test_a_parent_that_has_lost_its_worker_waits_too(family: Family) -> None:
    parent = family.start()
    child = family.start_child(parent, on_cancel="wait")
    family.take_opened()
    held = family.claim(child)
    family.cancel(parent.id)
    family.db.execute("UPDATE andon.runs SET lease_until = now() - interval '1 s' WHERE id = %s", [parent.id])
    assert reclaim(family.db, 3) == []
    assert (family.status(parent.id), outlived(family.db)) == ("cancelling", [])
    family.take_opened()
    family.end(held, "cancelled")
    assert [each.run_id for each in outlived(family.db)] == [parent.id]


def test_a_cancel_deadline_holds_for_a_parent_that_waits(family: Family) -> None:
    parent, child = awaited(family)
    family.cancel(parent.id)
    family.db.execute("UPDATE andon.runs SET cancel_deadline_at = now() WHERE id = %s", [parent.id])
    assert [(each.run_id, each.status) for each in settle_overdue(family.db)] == [(parent.id, "cancelled")]
    family.take_opened()
    assert family.status(child.id) == "cancelling"


def test_a_time_out_and_a_pause_reach_the_children_of_a_parent_that_waits_for_them(family: Family) -> None:
    late, child_of_late = awaited(family)
    family.db.execute("UPDATE andon.runs SET finish_by = now() WHERE id = %s", [late.id])
    assert ending.cancel_late(family.db).cancelling == [late.id]
    family.cascade()
    assert family.status(child_of_late.id) == "cancelling"

    paused, child_of_paused = awaited(family)
    assert pauses.pause(family.db, ("default", "function", "parent"), by=None, reason=None, running="cancel")
    assert cancel_started(family.db)[0].cancelling == [paused.id]
    family.cascade()
    assert family.status(child_of_paused.id) == "cancelling"


def test_a_wide_cancel_waits_for_children_where_its_runs_do(family: Family) -> None:
    parent, child = awaited(family)
    family.take(Event(RUNS_CANCELLED, {"functionId": "parent"}, id="wide"))
    while wide.sweep(family.db) is not None:
        family.cascade()
    assert (family.status(parent.id), family.status(child.id)) == ("cancelling", "cancelling")
    family.end(child)
    assert [each.run_id for each in outlived(family.db)] == [parent.id]


def test_a_child_that_is_not_made_yet_is_not_waited_for(family: Family) -> None:
    parent = family.start()
    child = family.invoke(parent, on_cancel="wait")
    family.cancel(parent.id)
    family.take_opened()
    assert (family.status(parent.id), family.status(child)) == ("cancelled", None)


@pytest.mark.parametrize(("policy", "becomes"), [("cancel", "cancelled"), ("abandon", "queued")])
def test_a_failure_cancels_children_only_where_it_is_said(family: Family, policy: str, becomes: str) -> None:
    parent = family.start()
    child = family.invoke(parent, on_failure=policy)
    family.take_opened()
    family.db.execute("UPDATE andon.runs SET wake_at = now() WHERE id = %s", [parent.id])
    family.end(family.go_on(parent), "failed")
    family.take_opened()
    assert family.status(child) == becomes


def test_a_wide_cancel_reaches_children_of_other_functions(family: Family) -> None:
    parent = family.start()
    child = family.invoke(parent)
    family.take_opened()
    event = Event(RUNS_CANCELLED, {"functionId": "parent"}, id="wide")
    family.take(event)
    while wide.sweep(family.db) is not None:
        family.cascade()
    assert (family.status(parent.id), family.status(child)) == ("cancelled", "cancelled")


def test_a_rerun_does_not_adopt_the_children_of_the_run_that_it_repeats(family: Family) -> None:
    first, second = family.start(), family.start()
    child = family.invoke(first)
    other = family.invoke(second)
    family.take_opened()
    assert child != other
    family.cancel(first.id)
    family.take_opened()
    assert (family.status(child), family.status(other)) == ("cancelled", "queued")


def test_a_child_that_is_run_again_has_no_parent(family: Family) -> None:
    parent = family.start()
    child = family.invoke(parent)
    family.take_opened()
    row = family.db.execute(
        "SELECT e.data FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq WHERE r.id = %s", [child]
    ).fetchone()
    assert row is not None
    again = str(new_id())
    with family.db.transaction():
        accept(family.db, [Event("andon/function.invoked", invoked_again(row[0], again), id="again")])
    [(run_id, _)] = family.take(*family.opened()).started
    assert str(run_id) == again
    assert family.claim(child).parent_run_id == parent.id
    assert family.claim(run_id).parent_run_id is None


def test_nobody_else_can_ask_for_a_child(family: Family) -> None:
    forged = Event("andon/function.invoked", {KEY: {"functionId": "child", "runId": str(new_id())}}, id="forged")
    effects = family.take(forged)
    assert effects.started == []
    assert "Andon alone" in next(iter(effects.refused.values()))


def test_a_run_that_ends_waits_for_nothing_any_more(family: Family) -> None:
    parent = family.start()
    family.invoke(parent)
    assert family.count("waits") == 1
    family.cancel(parent.id)
    assert family.count("waits") == 0


def test_a_child_that_would_wait_for_a_slot_of_its_parent_is_refused(family: Family) -> None:
    parent = family.start()
    limited = declared("child", concurrency=Concurrency(1, key="data.case", scope="env"))
    family.registry = Registry([*[each for each in FUNCTIONS if each.id != "child"], limited])
    [gate] = gates_of(limited)
    key = gate.key_of(Event("", {"case": "a"}), value_of)
    family.db.execute("UPDATE andon.runs SET gate_keys = ARRAY[%s] WHERE id = %s", [key, parent.id])
    family.invoke(parent)
    family.take_opened()
    error = family.go_on(parent).memos["page"].error
    assert error is not None
    assert (error["code"], "slot that its parent holds" in error["message"]) == ("CHILD_FAILED", True)
