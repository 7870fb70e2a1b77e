"""Why a cancel event has cancelled nothing: what its sender needs to know."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from andon.adapters.postgres.models import CancelKey, Cancellation, RuleRow, Run
from andon.adapters.postgres.registered.rules import stored_rules
from andon.engine.declared.rules import CancelOn, cancel_key
from andon.engine.events import MISSING, lookup
from andon_api.database import Row, rows

_KEY = CancelKey.__table__
_RUN = Run.__table__
_CANCELLATION = Cancellation.__table__
_RULE = RuleRow.__table__
ENDED = {"completed", "failed", "cancelled"}


def why_nothing(event: Row, functions: Sequence[Row]) -> str | None:
    """A sentence for each rule that the event could have satisfied; None if it is no cancel event."""
    known = [
        (row["id"], rule) for row in functions for rule in stored_rules(row["cancel_on"]) if rule.event == event["name"]
    ]
    reasons = [_why(event, *each) for each in (*known, *_former(event["name"]))]
    return " ".join(dict.fromkeys(reasons)) or None


def _former(name: str) -> Iterator[tuple[str, CancelOn]]:
    """Rules that no function has any more, and runs that were made with them still do."""
    for each in rows(select(_RULE).where(_RULE.c.event == name, _RULE.c.retired_at.is_not(None)).limit(100)):
        every = each["path"] is None and each["expression"] is None
        yield each["function_id"], CancelOn(name, each["path"], each["expression"], every=every)


def _why(event: Row, function_id: str, rule: CancelOn) -> str:
    if rule.wide:
        return f"No open run of {function_id} was requested before this event."
    key = cancel_key(event["tenant"], function_id, rule, event["data"])
    if key is None:
        if lookup(event["data"], rule.path) is not MISSING:
            return f"{rule.match} is null, or has a null in it, which matches nothing of {function_id}."
        return f"The event has no field {rule.match}, by which {function_id} matches."
    shown = f"{rule.match} = {rule.value(event['data'])}"
    older = _runs_under(key, _KEY.c.event_seq < event["seq"])
    if any(run["status"] not in ENDED for run in older):
        if any(run["cancel_requested_at"] for run in older):
            return f"The run of {function_id} with {shown} was being cancelled already."
        return f"The run of {function_id} with {shown} is not stopped by it yet, or its condition did not hold."
    if older:
        ended = ", ".join(sorted({run["status"] for run in older}))
        return f"Every earlier run of {function_id} with {shown} has ended already ({ended})."
    if _runs_under(key, _KEY.c.event_seq > event["seq"]):
        return f"Runs of {function_id} with {shown} were requested only after this event."
    if _waits(event["seq"]):
        return f"It waits for the run of {function_id} with {shown}, which is not made yet."
    return f"There is no run of {function_id} with {shown}."


def _runs_under(key: UUID, condition: Any) -> list[Row]:
    query = select(_RUN.c.status, _RUN.c.cancel_requested_at).join(_KEY, _KEY.c.run_id == _RUN.c.id)
    return rows(query.where(_KEY.c.key == key, condition).limit(100))


def _waits(seq: int) -> bool:
    """Whether the API has recorded this cancel against a request whose run is still to be made."""
    query = select(_CANCELLATION.c.key).where(_CANCELLATION.c.event_seq == seq, _CANCELLATION.c.function_id == "")
    return bool(rows(query.limit(1)))
