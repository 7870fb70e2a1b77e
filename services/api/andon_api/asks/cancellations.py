"""Cancel many runs at once, or see first how many that would be."""

import time
from contextlib import nullcontext

from andon.adapters.cel import TooLong, check_expression
from andon.adapters.postgres.asks import requests
from andon.adapters.postgres.asks.requests import there
from andon.adapters.postgres.cancels import wide
from andon.adapters.postgres.events.own_events import WideCancel
from andon.engine.cel import ExpressionError
from andon.engine.declared.tags import tag_key
from andon.engine.events import RUNS_CANCELLED, Event
from andon_api.access.auditing import note
from andon_api.database import Row, connection
from andon_api.http.effects import Outcome
from andon_api.http.prefer_wait import Known
from andon_api.http.problems import FieldErrors
from andon_api.http.rest import PREFIX
from andon_api.principal import asking, principal
from andon_api.reads import cancellations, registered
from andon_api.services import services

NO_CANCELLATION = "Cancellation not found"
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
        found = there(cancellations.find(who.tenant, str(id)), NO_CANCELLATION)
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
