"""Functions that invoke each other and wait for events."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from typing import Any

from andon import CancelOn, ChildCancelled, ChildFailed, Event, Step, Wait, function
from tests.functions import ledger

CANCEL = [CancelOn("tree/cancelled", match="data.case")]


@function(id="leaf", trigger="leaf/requested", retries=0)
def leaf(event: Event, step: Step) -> Any:
    """Fails, sleeps, or returns, as it is told."""
    plan = event.data.get("plan")
    if plan == "fail":
        raise ValueError("as planned")
    if plan == "hang":
        step.run("hang", hang, event.data["case"])
    return {"n": event.data["n"], "parent": step.parent_run_id, "keys": sorted(event.data)}


def hang(case: str) -> None:
    """Until it is stopped."""
    ledger().begin(case, "hang")
    while True:
        time.sleep(0.01)


@function(id="tree", trigger="tree/requested", cancel_on=CANCEL, retries=0)
def tree(event: Event, step: Step) -> Any:
    """Invokes leaves: one after the other, then two at a time; or a tree of its own, as deep as it is told."""
    case, deep = event.data["case"], event.data.get("deep", 0)
    if deep:
        return step.invoke("below", tree, {"case": case, "deep": deep - 1, "plan": event.data.get("plan")})
    if event.data.get("plan"):
        try:
            return step.invoke("leaf", leaf, {"case": case, "n": 0, "plan": event.data["plan"]})
        except (ChildFailed, ChildCancelled) as error:
            return f"{error.code}: {error}"
    first = step.invoke("leaf", "leaf", {"case": case, "n": 1})
    started = [step.start(f"leaf-{n}", leaf, {"case": case, "n": n}) for n in (2, 3)]
    return [first, *(step.result(child) for child in started)]


@function(id="wide", trigger="wide/requested", cancel_on=CANCEL, retries=1)
def wide(event: Event, step: Step) -> Any:
    """Does several things at once: of which some hang, or one dies the first time."""
    case, plan = event.data["case"], event.data.get("plan")
    if event.data.get("apart"):
        return step.map("branch", partial(branch_apart, step, case, plan), range(3), limit=3, processes=True)
    return step.map("branch", partial(branch, case, plan), range(4), limit=4)


def branch(case: str, plan: str | None, number: int) -> int:
    """Number 3 is the one that hangs, or dies when the others have ended."""
    times = ledger().begin(case, f"branch-{number}")
    if number == 3 and plan == "hang":
        time.sleep(600)
    if number == 3 and plan == "die" and times == 1:
        time.sleep(0.5)
        os._exit(3)
    return number


def branch_apart(step: Step, case: str, plan: str | None, number: int) -> int:
    """In a process of its own, whose id it returns; number 2 is the one that computes without end, or dies once."""
    times = ledger().begin(case, f"branch-{number}")
    step.progress(0.5)
    if number == 2 and plan == "die" and times == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    try:
        while number == 2 and plan == "hang":
            pass
    finally:
        ledger().end(case, f"branch-{number}")
    return os.getpid()


@function(id="approval", trigger="approval/requested", cancel_on=CANCEL, retries=0)
def approval(event: Event, step: Step) -> Any:
    """Asks, and waits for an answer, of which there are two kinds."""
    step.send_event("ask", Event("approval/asked", {"case": event.data["case"]}))
    answers = [Wait("approval/granted", match="data.case"), Wait("approval/refused", match="data.case")]
    which, answer = step.wait_for_any("answer", answers, timeout=event.data.get("timeout", 60))
    note = step.wait_for_event("note", "approval/noted", match="data.case", timeout=0) if which is not None else None
    return {"which": which, "by": answer and answer.data.get("by"), "note": note and note.data.get("text")}
