"""Request and cancel what runs are about."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any
from urllib.parse import quote
from uuid import UUID

from andon.adapters.postgres.asks import held, subject_requests
from andon.adapters.postgres.asks.requests import Asked, there
from andon.adapters.postgres.subjects.subjects import Named
from andon.engine.events import Event, check_event
from andon_api.access.admission import admit
from andon_api.database import Row, connection
from andon_api.http.effects import Outcome, at_once, at_once_or
from andon_api.http.etags import precondition
from andon_api.http.prefer_wait import Known
from andon_api.http.rest import PREFIX
from andon_api.principal import asking
from andon_api.reads import subjects


def ask_request(kind: str, id: str, data: Mapping[str, Any]) -> Outcome:
    """Request a run, in a statement of its own where no version is asked for."""
    ask = asking()
    known = subject_requests.kind_of(connection(), kind)
    subject = subject_requests.named(connection(), ask.tenant, kind, id)
    admit([check_event(Event(known.trigger, subject_requests.data_of(known, subject, data)))])
    check = precondition(subject.id)
    if check is not None:
        check(subject_requests.version(connection(), subject))
    with nullcontext(connection()) if check else at_once() as own:
        asked = subject_requests.request(own, known, subject, data, ask)
    return Outcome.of(
        asked, _asked(subject, "active", asked), _location(subject), _known(subject, lambda: _made(subject, asked))
    )


def ask_cancel(kind: str, id: str, reason: str | None, *, only_run: UUID | None = None) -> Outcome:
    """Request the cancel of its run: in one statement where a worker holds it, else in the session's transaction."""
    ask = asking(reason)
    subject_requests.kind_of(connection(), kind)
    subject = subject_requests.asked_before(connection(), ask.tenant, kind, id)
    event = subject_requests.cancel_event(subject, ask)
    check = precondition(subject.id)
    asked = at_once_or(
        None if only_run or check else lambda own: held.cancel_subject(own, subject, event),
        lambda within: subject_requests.cancel(within, subject, event, only_run=only_run, check=check),
    )

    def settled() -> Row | None:
        state = _state(subject)
        return None if state["status"] == "active" else _asked(subject, state["status"], asked)

    answer = _asked(subject, "cancelled" if asked.ended else "active", asked)
    return Outcome.of(asked, answer, _location(subject), _known(subject, settled))


def _asked(subject: Named, status: str, asked: Asked) -> dict[str, Any]:
    run_id = None if asked.run_id is None else str(asked.run_id)
    return {"kind": subject.kind, "id": subject.key, "runId": run_id, "status": status, "eventId": asked.event.id}


def _made(subject: Named, asked: Asked) -> Row | None:
    """The answer once the request is a run, or has come to nothing, or was replaced by a newer one."""
    state = _state(subject)
    mine = state["request_event_id"] == asked.event.id
    if mine and state["current_run_id"] is None and state["status"] == "active":
        return None
    run_id = state["current_run_id"] if mine else None
    return {**_asked(subject, state["status"], asked), "runId": None if run_id is None else str(run_id)}


def _known(subject: Named, look: Callable[[], Row | None]) -> Known:
    return Known(look, (f"subject:{subject.kind}:{subject.key}",))


def _state(subject: Named) -> Row:
    found = subjects.find(subject.tenant, subject.kind, subject.key)
    return there(found, f"There is no {subject.kind} {subject.key}")


def _location(subject: Named) -> dict[str, str]:
    return {"Location": f"{PREFIX}/subjects/{subject.kind}/{quote(subject.key, safe='')}"}
