"""Cancel runs, and run them again."""

from contextlib import nullcontext
from dataclasses import replace

from andon.adapters.postgres.asks import held, requests, subject_requests
from andon.adapters.postgres.asks.requests import Conflict, there
from andon.adapters.postgres.events.inbox import accept
from andon.adapters.postgres.runs import cleanups
from andon.adapters.postgres.runs.children import below
from andon.adapters.postgres.runs.making import ask_again
from andon.engine.errors import EventError
from andon.engine.events import INVOKED, Again, Event, check_event
from andon.engine.ids import new_id, parse_id
from andon.engine.steps.invoking import KEY, invoked_again
from andon_api.access.admission import admit
from andon_api.asks.reports import ask_generate
from andon_api.database import Row, connection
from andon_api.http.effects import Outcome, at_once, at_once_or
from andon_api.http.etags import precondition
from andon_api.http.prefer_wait import Known
from andon_api.http.problems import FieldErrors
from andon_api.http.rest import PREFIX
from andon_api.principal import asking, principal
from andon_api.reads import runs, subjects


def ask_cancel(id: str, reason: str | None) -> Outcome:
    """Request the run's cancel: in one statement where a worker holds it, else in the session's transaction."""
    ask, run_id = asking(reason), there(parse_id(id), NO_RUN)
    check = precondition(run_id)
    asked = at_once_or(
        None if check else lambda own: held.cancel_run(own, run_id, ask),
        lambda within: requests.cancel_run(within, run_id, ask, check=check),
    )
    body = {
        "id": str(run_id),
        "runId": str(run_id),
        "status": "cancelled" if asked.ended else "cancelling",
        "eventId": asked.event.id,
        "children": below(connection(), run_id) if asked.family else 0,
    }

    def settled() -> Row | None:
        run = runs.by_ids(ask.tenant, [run_id])[run_id]
        return None if run["ended_at"] is None else {**body, "status": run["status"]}

    return Outcome.of(asked, body, {"Location": f"{PREFIX}/runs/{id}"}, Known(settled, (f"run:{run_id}",)))


NO_RUN = "Run not found"
WHOLE: Row = {"from_": None, "data": None, "keep": False}


def ask_rerun(id: str, how: Row = WHOLE) -> Outcome:
    """Request another run of the same function for the same trigger, in the session's transaction."""
    run = there(runs.find(principal().tenant, id), NO_RUN)
    step, data = how["from_"], how["data"]
    if run["kind"] != "function":
        if step is not None or data is not None:
            nothing = "expected nothing: a cleanup goes on where it stopped"
            raise FieldErrors([("/from" if step else "/data", nothing)])
        return _clean_up_again(run)
    _check_rerun(run, how)
    again = Again(run["function_id"], run["id"], step)
    if run["report_id"] is not None:
        outcome = ask_generate(run["report_id"], in_session=step is not None)
        if step is not None:
            ask_again(connection(), outcome.events[0].seq, again)
        return replace(outcome, body={**outcome.body, "id": str(run["id"]), "status": "requested"})
    if run["subject_id"] is not None:
        return _ask_subject_again(run, again, data)
    trigger = run["event"]
    said: Row = trigger["data"] if data is None else data
    if trigger["name"] == INVOKED:
        said = invoked_again({**said, KEY: trigger["data"][KEY]}, str(new_id()))
    event = asking().event(trigger["name"], said)
    admit([event])
    events = accept(connection(), [event if data is None else _checked(event)])
    ask_again(connection(), events[0].seq, again)
    answer = {"id": str(run["id"]), "runId": None, "status": "requested", "eventId": event.id, "children": 0}
    return Outcome(answer, events=events)


def _checked(event: Event) -> Event:
    try:
        return check_event(event)
    except EventError as error:
        raise FieldErrors([(f"/{error.field}", str(error))]) from None


def _check_rerun(run: Row, how: Row) -> None:
    """Raise where it can't be meant: a step that the run doesn't have, or memos that were made of other data."""
    step, data = how["from_"], how["data"]
    if step is None and data is None:
        return
    if run["ended_at"] is None:
        raise Conflict("This run has not ended yet: cancel it first, or let it end")
    if data is not None and run["report_id"] is not None:
        raise FieldErrors([("/data", "expected nothing: a report's run has the report's data")])
    if step is not None and not runs.has_step(run["id"], step):
        raise FieldErrors([("/from", f"expected a step of the run, got {step[:80]!r}")])
    if step is not None and data is not None and not how["keep"]:
        said = f"expected true: what was done before {step[:80]!r} was done with other data"
        raise FieldErrors([("/keep", said)])


def _ask_subject_again(run: Row, again: Again, data: Row | None) -> Outcome:
    """A run that is about a subject is requested as any other: 404 without its row, 409 while it is active."""
    ask = asking()
    named = there(subjects.name_of(run["subject_id"]), "There is no such subject any more")
    kind = subject_requests.kind_of(connection(), named[0])
    subject = subject_requests.named(connection(), ask.tenant, *named)
    admit([Event(kind.trigger)])
    said = run["event"]["data"] if data is None else data
    with at_once() if again.step is None else nullcontext(connection()) as own:
        asked = subject_requests.request(own, kind, subject, said, ask)
        if again.step is not None:
            ask_again(own, asked.event.seq, again)
    answer = {"id": str(run["id"]), "runId": None, "status": "requested", "eventId": asked.event.id, "children": 0}
    return Outcome.of(asked, answer)


def _clean_up_again(run: Row) -> Outcome:
    made = cleanups.rerun(connection(), run["id"])
    if made is None:
        ended = {"completed": "has completed", "failed": "was run again already", "cancelled": "was run again already"}
        raise Conflict(f"Cleanup {ended.get(run['status'], 'has not ended')}")
    told = {"status": "requested", "eventId": run["event"]["id"], "children": 0}
    answer = {"id": str(run["id"]), "runId": str(made), **told}
    return Outcome(answer, 202, {"Location": f"{PREFIX}/runs/{made}"})
