"""A run's steps with each attempt at them: what is recorded, what is under way, and what was cut short."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from andon.adapters.postgres.models import AttemptRow
from andon_api.database import Row, rows

_ATTEMPT = AttemptRow.__table__
MOST = 200
DONE = frozenset({"completed", "failed"})


def of(run_id: UUID, *steps: str) -> list[Row]:
    """The newest attempts that did not do it, in their order: of these steps, or of all of the run."""
    query = select(_ATTEMPT).where(_ATTEMPT.c.run_id == run_id)
    if steps:
        query = query.where(_ATTEMPT.c.step.in_(steps))
    return rows(query.order_by(_ATTEMPT.c.id.desc()).limit(MOST))[::-1]


def of_handler(found: Iterable[Row]) -> list[Row]:
    """Those of the handler itself."""
    return [_shape(each) for each in found if each["step"] is None]


def with_attempts(steps: Sequence[Row], found: Iterable[Row], run_ended_at: dt.datetime | None) -> list[Row]:
    """The recorded steps, each with its attempts; what slept, waited or was to be tried again when the run ended is cut
    off then.
    """
    by_step: dict[str | None, list[Row]] = {}
    for each in found:
        by_step.setdefault(each["step"], []).append(_shape(each))
    told = []
    for step in steps:
        cut = {"status": "cancelled", "ended_at": run_ended_at} if run_ended_at and step["status"] not in DONE else {}
        last = step if step["status"] == "retrying" else {**step, **cut}
        told.append({**step, **cut, "attempts": _of_step(last, by_step.get(step["id"], []))})
    return told


def all_of(run: Row, steps: Sequence[Row], found: Sequence[Row]) -> list[Row]:
    """All of a run's steps: also one that is not recorded, because it is under way, or was cut short."""
    known = {step["id"] for step in steps}
    unrecorded: dict[str, list[Row]] = {}
    for each in found:
        if each["step"] is not None and each["step"] not in known:
            unrecorded.setdefault(each["step"], []).append(_shape(each))
    told = with_attempts(steps, found, run["ended_at"])
    status = run["status"] if run["ended_at"] else "retrying"
    for id, attempts in unrecorded.items():
        last = attempts[-1]
        told.append(_made(id, status, last["attempt"], attempts, last["started_at"], last["ended_at"]))
    current = run["current_step"]
    if current is None or run["step_started_at"] is None:
        return told
    for place, step in enumerate(told):
        if step["id"] == current:
            if current not in known or step["status"] not in DONE:
                told[place] = _under_way(run, step)
            return told
    return [*told, _under_way(run, _made(current, "running", 0, [], run["step_started_at"], None))]


def _under_way(run: Row, step: Row) -> Row:
    """The step with the attempt that runs now, or in which the run has stopped."""
    ended = run["ended_at"]
    status = run["status"] if ended else "running"
    lost = (run.get("error") or {}) if status == "failed" else {}
    error = lost if lost.get("step") == step["id"] else None
    last = step["attempts"][-1:]
    uncounted = bool(last) and last[0]["status"] not in DONE
    number = step["attempt"] if uncounted else step["attempt"] + 1
    attempt = {"attempt": number, "status": status, "error": error, "worker": run.get("worker_id")}
    attempt |= {"started_at": run["step_started_at"], "ended_at": ended}
    attempts = [*step["attempts"], attempt]
    changed = {"status": status, "attempt": number, "started_at": run["step_started_at"], "ended_at": ended}
    return {**step, **changed, "error": error or step["error"], "attempts": attempts}


def _of_step(step: Row, attempts: list[Row]) -> list[Row]:
    """With the one that its row tells of, where it has no other."""
    own = {"attempt": step["attempt"], "status": step["status"], "error": step["error"]}
    own |= {"started_at": step["started_at"], "ended_at": step["ended_at"], "worker": step.get("worker_id")}
    if step["status"] == "retrying":
        own["status"] = "failed"
    if any((each["attempt"], each["status"]) == (own["attempt"], own["status"]) for each in attempts):
        return attempts
    return [*attempts, own]


def _made(
    id: str, status: str, number: int, attempts: list[Row], started_at: dt.datetime, ended_at: dt.datetime | None
) -> Row:
    """A step that has no row, because it has never ended."""
    nothing: dict[str, Any] = dict.fromkeys(("wake_at", "input", "output", "output_url", "error"))
    return {
        "id": id,
        "status": status,
        "attempt": number,
        "attempts": attempts,
        "started_at": started_at,
        "ended_at": ended_at,
        **nothing,
    }


def _shape(row: Row) -> Row:
    return {**row, "worker": row["worker_id"]}
