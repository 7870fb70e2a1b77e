"""The functions that the tests' workers know. What a run does is told by its event; what it did stands in a ledger.

An event's `plan` says, by step, what happens in it: `{"step-3": {"gate": true}}` waits until the test opens the gate,
`die` kills the whole worker (`"once"` or `"always"`), `fail` raises so many times, `gil` blocks Python for so many
seconds, `deaf` hears of no order for so many seconds, `seconds` works so long.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from andon import CancelOn, Event, Step, function
from andon.engine.ids import parse_id
from andon.reports.events import REPORT
from tests.support.ledger import Ledger

FOLDER = "ANDON_TEST_FOLDER"  # where the ledger and the gates are
CODE = "ANDON_TEST_CODE"  # "unknown-step" or "reordered": what a new version of `walk` does


def ledger() -> Ledger:
    """The ledger of the test that started this process."""
    return Ledger(Path(os.environ[FOLDER]))


def worker() -> int:
    """The process that keeps this one's promises: the nursery's parent."""
    stat = Path(f"/proc/{os.getppid()}/stat").read_bytes()  # of one: to look at all takes longer than most steps
    return int(stat.rpartition(b")")[2].split()[1])


def act(name: str, case: str, plan: Mapping[str, Any]) -> dict[str, Any]:
    """One step's body: note the begin, do what the plan says, note the end."""
    book = ledger()
    times = book.begin(case, name, worker())
    if plan.get("die") == "always" or (plan.get("die") == "once" and times == 1):
        os.kill(worker(), signal.SIGKILL)
        time.sleep(60)
    if "gil" in plan:
        ctypes.PyDLL(None).usleep(int(plan["gil"] * 1e6))
    if "deaf" in plan:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        select.select([], [], [], plan["deaf"])
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
    if plan.get("gate"):
        while not book.gate(case).exists():
            time.sleep(0.01)
    ends = time.monotonic() + plan.get("seconds", 0.0)
    while time.monotonic() < ends:
        time.sleep(0.005)
    if times <= plan.get("fail", 0):
        raise RuntimeError(f"{name} fails as planned")
    book.end(case, name)
    return {"step": name, "pid": worker()}


def tidy(event: Event, step: Step) -> None:
    """What `walk` does after a cancel, in two steps."""
    for name in ("sweep-1", "sweep-2"):
        step.run(name, act, name, event.data["case"], event.data.get("plan", {}).get(name, {}), retries=0)


@function(
    id="walk",
    trigger="walk/requested",
    cancel_on=[CancelOn("walk/cancelled", match="data.case")],
    retries=2,
    on_cancel=tidy,
)
def walk(event: Event, step: Step) -> list[str]:
    """`steps` steps in a row, with a nap of `nap` seconds after the first."""
    names = [f"step-{number}" for number in range(1, event.data.get("steps", 6) + 1)]
    match os.environ.get(CODE):
        case "unknown-step":
            names = [name for name in names if name != "step-2"]
        case "reordered":
            names[0], names[1] = names[1], names[0]
    pids = []
    for name in names:
        plan = event.data.get("plan", {}).get(name, {})
        grace = 60 if "deaf" in plan else None
        pids.append(step.run(name, act, name, event.data["case"], plan, grace=grace)["step"])
        if name == "step-1" and event.data.get("nap"):
            step.sleep("nap", event.data["nap"])
    return pids


@function(id="tally", trigger="tally/requested", cancel_on=[CancelOn("tally/cancelled", match="data.case")])
def tally(event: Event, step: Step) -> int:
    """Write one row with the step's memo: what a transaction promises to do exactly once."""
    return step.transaction("count", count, event.data["case"])


def count(session: Session, case: str) -> int:
    """One row per call that commits, in the test's table `tally`."""
    ledger().begin(case, "count")
    session.execute(text("INSERT INTO public.tally VALUES (:name)"), {"name": case})
    return 1


@function(
    id="make-report",
    trigger="report/generation.requested",
    cancel_on=[CancelOn("report/generation.cancelled", match="data.reportId")],
    subject=REPORT,
    retries=8,
)
def make_report(event: Event, step: Step) -> dict[str, Any]:
    """A report's run: one gated step, then a file that names its writer, published when the run completes."""
    case = str(parse_id(event.data["reportId"]))
    step.run("compute", act, "compute", case, plan_of(case, "compute"))
    artifact = step.run("store", store, case, step)
    step.transaction("save", save, case)
    return {"artifacts": [artifact]}


def plan_of(case: str, name: str) -> dict[str, Any]:
    """A report's plan stands in the ledger's folder, for its event can't carry one."""
    return ledger().plan(case).get(name, {})  # type: ignore[no-any-return]


def store(case: str, step: Step) -> dict[str, Any]:
    """Write the file, big enough to be cut off in the middle, and put it into the storage."""
    act("store", case, plan_of(case, "store"))
    path = ledger().folder / f"{os.getpid()}-{case}.txt"
    path.write_text(f"{case}/{step.run_id}/{step.fence}\n" * 50_000)
    try:
        return step.artifact(path, "report.txt")
    finally:
        path.unlink(missing_ok=True)


def save(session: Session, case: str) -> None:
    """Keep a number beside the report, with this step's memo."""
    values = {"id": parse_id(case), "data": '{"answer": 42}'}
    session.execute(text("UPDATE andon.reports SET data = CAST(:data AS json) WHERE id = :id"), values)
