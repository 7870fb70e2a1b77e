"""Cancel many runs at once, or see first how many that would be."""

import time
from contextlib import nullcontext
from typing import Any

from sqlalchemy import select

from andon.adapters.cel import TooLong, check_expression
from andon.adapters.postgres.asks import requests
from andon.adapters.postgres.asks.requests import NotFound
from andon.adapters.postgres.cancels import wide
from andon.adapters.postgres.events.own_events import WideCancel
from andon.adapters.postgres.models import EventRow, WideCancellation
from andon.engine.cel import ExpressionError
from andon.engine.declared.tags import tag_key
from andon.engine.events import RUNS_CANCELLED, Event
from andon.engine.ids import parse_id
from andon_api.access.auditing import note
from andon_api.database import Row, connection, rows
from andon_api.http.effects import Outcome
from andon_api.http.prefer_wait import Known
from andon_api.http.problems import FieldErrors
from andon_api.http.rest import PREFIX
from andon_api.principal import asking, principal
from andon_api.reads import registered
from andon_api.reads.runs import NOBODY
from andon_api.services import services

COUNT_SECONDS = 5.0
NEWEST = 2**62  # a dry run sees every run that is open now


def ask(body: Row) -> Outcome:
    """Start a bulk cancel, or count what it would match, in the session's transaction."""
    who = principal()
    tag = body["tag"]
    cancel = WideCancel(
        body["function_id"],
        body["started_after"],
        body["started_before"],
        body["if_"],
        keys=None if tag is None else (tag_key(who.tenant, tag),),
    )
    _check(cancel)
    if body["dry_run"]:
        found = _count(cancel)
        counts = {"matched": found.matched, "failedEvaluations": found.failed, "firstFailure": found.failure}
        return Outcome({"id": None, "dryRun": True, **counts}, status=200)
    id, asked = requests.cancel_many(connection(), cancel, asking(body["reason"]), tag=tag)
    of = {"functionId": body["function_id"] or None, "tag": tag, "if": cancel.expression}
    note("cancellation.asked", id, reason=body["reason"], **of)
    answer = {"id": str(id), "dryRun": False, "eventId": asked.event.id}

    def done() -> Row | None:
        found = find(str(id))
        counts = {
            "matched": found["matched"],
            "failedEvaluations": found["failed_evaluations"],
            "firstFailure": found["first_failure"],
        }
        return {**answer, **counts} if found["status"] == "done" else None

    return Outcome.of(asked, answer, {"Location": f"{PREFIX}/cancellations/{id}"}, Known(done))


def _count(cancel: WideCancel) -> wide.Count:
    """For some seconds at most; with an expression, one at a time of each tenant."""
    who = principal()
    asker = Event(RUNS_CANCELLED, user=who.user)
    with services().costly.place(who.tenant) if cancel.expression else nullcontext():
        until = time.monotonic() + COUNT_SECONDS
        try:
            return wide.count(connection(), tenant=who.tenant, seq=NEWEST, cancel=cancel, event=asker, until=until)
        except TooLong:
            said = "it takes too long to count what this matches: narrow it with startedAfter or startedBefore"
            raise FieldErrors([("/if" if cancel.expression else "/dryRun", said)]) from None


def find(id: str) -> Row:
    """A bulk cancel with the event that asked for it."""
    table, event = WideCancellation.__table__, EventRow.__table__
    columns: list[Any] = [*table.c, event.c.id.label("event_id"), event.c.user.label("requested_by"), event.c.data]
    query = select(*columns).join(event, event.c.seq == table.c.event_seq)
    found = rows(query.where(table.c.id == (parse_id(id) or NOBODY), table.c.tenant == principal().tenant))
    if not found:
        raise NotFound("Cancellation not found")
    row, data = found[0], found[0]["data"]
    told = {"if_": row["expression"], "reason": data.get("reason"), "tag": data.get("tag")}
    return {**row, **told}


def _check(cancel: WideCancel) -> None:
    """422 for a function that nobody has registered, or an expression that can't be used."""
    if not cancel.function_id:
        if cancel.keys is None:
            raise FieldErrors([("/functionId", "expected a registered function, or a tag")])
    elif cancel.function_id not in {each["id"] for each in registered.listed()}:
        raise FieldErrors([("/functionId", f"expected a registered function, got {cancel.function_id!r}")])
    if cancel.expression is not None:
        try:
            check_expression(cancel.expression)
        except ExpressionError as error:
            raise FieldErrors([("/if", str(error))]) from None
