"""`andon.testing` with what comes from outside: events on a clock, children, a cancel at any point."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from andon import CancelOn, ChildCancelled, Event, Step, StepTimeout, Timeouts, function
from andon.engine.states import Status
from andon.testing import ManualCancelCheck, run_function

REQUEST = Event("order/placed", {"id": 7})
CANCEL = [CancelOn("order/withdrawn", match="data.id")]
WITHDRAWN = Event("order/withdrawn", {"id": 7})


@function(id="pack", trigger="pack/requested", cancel_on=CANCEL)
def pack(event: Event, step: Step) -> str:
    step.sleep("dry", 100)
    came = step.wait_for_event("label", "label/printed", match="data.id", timeout=500)
    return f"packed, {'labelled' if came else 'no label'}"


@function(id="order", trigger="order/placed", cancel_on=CANCEL)
def order(event: Event, step: Step) -> Any:
    try:
        return step.invoke("pack", pack, {"id": event.data["id"]}, timeout=event.data.get("timeout"))
    except (StepTimeout, ChildCancelled) as error:
        return error.code


def test_events_come_to_a_child_at_their_time() -> None:
    ended = run_function(order, REQUEST, functions=[pack], events=[(250, Event("label/printed", {"id": 7}))])
    assert (ended.output, ended.waited) == ("packed, labelled", 250)
    assert ended.children["pack"].output == "packed, labelled"
    assert run_function(order, REQUEST, functions=[pack]).output == "packed, no label"


@pytest.mark.parametrize("at", [0, 50, 100, 300])
def test_a_cancel_at_any_time_stops_parent_and_child(at: float) -> None:
    ended = run_function(order, REQUEST, functions=[pack], events=[(at, WITHDRAWN)])
    assert ended.status is Status.CANCELLED
    assert ended.children["pack"].status is Status.CANCELLED


def test_a_cancel_by_hand_stops_both() -> None:
    check = ManualCancelCheck(at_check=2)
    ended = run_function(order, REQUEST, functions=[pack], cancel_check=check)
    assert ended.status is Status.CANCELLED


def test_a_cancel_after_the_end_changes_nothing() -> None:
    assert run_function(order, REQUEST, functions=[pack], events=[(601, WITHDRAWN)]).status is Status.COMPLETED


def test_a_child_that_takes_too_long_times_out() -> None:
    ended = run_function(order, Event("order/placed", {"id": 7, "timeout": 60}), functions=[pack])
    assert ended.output == "TIMEOUT"


@pytest.mark.parametrize(("onwards", "status"), [("cancel", Status.CANCELLED), ("abandon", Status.COMPLETED)])
def test_a_childs_time_is_over_and_it_ends_as_the_step_says(onwards: str, status: Status) -> None:
    @function(id="parent", trigger="t")
    def parent(event: Event, step: Step) -> str:
        child = step.start("pack", pack, {"id": 7})
        step.sleep("rest", 10)
        with pytest.raises(StepTimeout):
            step.result(child, timeout=60, on_timeout=onwards)
        step.sleep("more", 5)
        return "without"

    ended = run_function(parent, Event("t"), functions=[pack])
    assert (ended.output, ended.waited, ended.sent) == ("without", 75, [])
    assert ended.children["pack"].status is status


def test_a_wait_for_what_never_comes_is_an_error_that_says_for_what() -> None:
    waiter = function(id="waiter", trigger="t")(lambda event, step: step.wait_for_event("w", "a/b"))
    with pytest.raises(RuntimeError, match="'w' of 'waiter' waits for a/b for ever"):
        run_function(waiter, Event("t"), events=[(5, Event("a/c"))])


def test_a_child_that_is_not_given_is_an_error_that_says_which() -> None:
    with pytest.raises(RuntimeError, match="invokes 'pack'"):
        run_function(order, REQUEST)


def test_since_wait_and_conditions_are_as_in_a_dispatcher() -> None:
    @function(id="picky", trigger="t")
    def picky(event: Event, step: Step) -> list[Any]:
        step.sleep("nap", 10)
        late = step.wait_for_event("late", "a/b", since="wait", timeout=100)
        early = step.wait_for_event("early", "a/b", if_="async.data.n < 2")
        again = step.wait_for_event("again", "a/b", timeout=0)
        return [each and each.data["n"] for each in (late, early, again)]

    events = [(n * 4.0, Event("a/b", {"n": n})) for n in range(4)]
    assert run_function(picky, Event("t"), events=events).output == [3, 0, 1]


def test_a_childs_own_cancel_is_told_to_its_parent_which_goes_on() -> None:
    @function(id="pack", trigger="t", cancel_on=[CancelOn("packing/stopped", match="data.id")], on_cancel=unpack)
    def stubborn(event: Event, step: Step) -> None:
        step.sleep("dry", 100)

    stopped = (10, Event("packing/stopped", {"id": 7}))
    ended = run_function(order, REQUEST, functions=[stubborn], events=[stopped])
    assert (ended.status, ended.output, ended.waited) == (Status.COMPLETED, "CHILD_CANCELLED", 10)
    cleanup = ended.children["pack"].cleanup
    assert cleanup is not None
    assert cleanup.output == "unpacked"


def unpack(event: Event, step: Step) -> str:
    return step.run("unpack", lambda: "unpacked")


def test_a_parents_cancel_is_heard_while_a_child_without_that_rule_goes_on() -> None:
    @function(id="pack", trigger="t")
    def deaf(event: Event, step: Step) -> None:
        step.sleep("dry", 100)

    ended = run_function(order, REQUEST, functions=[deaf], events=[(10, WITHDRAWN)])
    assert (ended.status, ended.waited, ended.children["pack"].status) == (Status.CANCELLED, 10, Status.CANCELLED)


@pytest.mark.parametrize(("onwards", "status"), [("cancel", Status.CANCELLED), ("abandon", Status.COMPLETED)])
def test_a_child_that_was_started_ends_as_its_parents_cancel_says(onwards: str, status: Status) -> None:
    @function(id="parent", trigger="t", cancel_on=[CancelOn("order/withdrawn", match="data.id")])
    def parent(event: Event, step: Step) -> None:
        step.start("pack", pack, {"id": 7}, on_cancel=onwards)
        step.sleep("rest", 100)

    ended = run_function(parent, Event("t", {"id": 7}), functions=[pack], events=[(10, WITHDRAWN)])
    assert (ended.status, ended.children["pack"].status) == (Status.CANCELLED, status)


def test_a_run_that_takes_too_long_is_cancelled_and_what_it_waits_for_with_it() -> None:
    @function(id="patient", trigger="t", timeouts=Timeouts(finish=dt.timedelta(seconds=100)))
    def patient(event: Event, step: Step) -> str:
        match event.data["what"]:
            case "sleep":
                step.sleep("long", 101)
            case "extended":
                step.sleep("long", 90)
                step.extend(1000)
                step.sleep("longer", 999)
            case "wait":
                step.wait_for_event("never", "a/b", timeout=1000)
            case "child":
                step.invoke("pack", pack, {"id": 7})
        return "done"

    ended = {
        what: run_function(patient, Event("t", {"what": what}), functions=[pack])
        for what in ("sleep", "extended", "wait", "child")
    }
    assert {what: (str(each.status), each.waited) for what, each in ended.items()} == {
        "sleep": ("cancelled", 100),
        "extended": ("completed", 1089),
        "wait": ("cancelled", 100),
        "child": ("cancelled", 100),
    }
    assert ended["child"].children["pack"].status is Status.CANCELLED
