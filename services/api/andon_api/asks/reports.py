"""Generate and cancel reports."""

from contextlib import nullcontext
from typing import Any
from uuid import UUID

from andon.adapters.postgres.asks import reports as stored
from andon.adapters.postgres.asks.requests import Asked, there
from andon.adapters.postgres.runs.children import below
from andon.engine.events import Event
from andon.reports.events import REQUESTED
from andon_api.access.admission import admit
from andon_api.database import Row, connection
from andon_api.http.effects import Outcome, at_once, at_once_or
from andon_api.http.etags import precondition
from andon_api.http.rest import PREFIX
from andon_api.http.waiting import Known
from andon_api.principal import asking, principal
from andon_api.reads import reports


def ask_generate(report_id: UUID, *, in_session: bool = False) -> Outcome:
    """Request the generation, in one statement; with `in_session`, in the transaction that has just made the report."""
    who = principal()
    admit([Event(REQUESTED)])
    check = precondition(report_id)
    if check is not None:
        check(stored.locked(connection(), who.tenant, report_id)[1])
    with nullcontext(connection()) if in_session or check else at_once() as own:
        asked = stored.generate(own, report_id, asking())
    location = {"Location": f"{PREFIX}/reports/{report_id}"}
    known = Known(lambda: _made(who.tenant, report_id, asked), (f"report:{report_id}",))
    return Outcome.of(asked, _asked(report_id, "generating", asked), location, known)


def ask_cancel(report_id: UUID, reason: str | None, *, only_run: UUID | None = None) -> Outcome:
    """Request the cancel: in one statement where a worker holds the run, else in the session's transaction."""
    ask, check = asking(reason), precondition(report_id)
    asked = at_once_or(
        None if only_run or check else lambda own: stored.cancel_held(own, report_id, ask),
        lambda within: stored.cancel(within, report_id, ask, only_run=only_run, check=check),
    )
    body = _asked(report_id, "cancelled" if asked.ended else "generating", asked)

    def settled() -> Row | None:
        report = there(reports.find(ask.tenant, str(report_id)), stored.NO_REPORT)
        return None if report["status"] == "generating" else _asked(report_id, report["status"], asked)

    known = Known(settled, (f"report:{report_id}",))
    return Outcome.of(asked, body, {"Location": f"{PREFIX}/reports/{report_id}"}, known)


def _asked(report_id: UUID, status: str, asked: Asked) -> dict[str, Any]:
    run_id = None if asked.run_id is None else str(asked.run_id)
    children = below(connection(), asked.run_id) if asked.family and asked.run_id else 0
    return {
        "id": str(report_id),
        "runId": run_id,
        "status": status,
        "eventId": asked.event.id,
        "children": children,
    }


def _made(tenant: str, report_id: UUID, asked: Asked) -> Row | None:
    """The answer once the request is a run, or has come to nothing, or was replaced by a newer one."""
    report = there(reports.find(tenant, str(report_id)), stored.NO_REPORT)
    mine = report["request_event_id"] == asked.event.id
    if mine and report["current_run_id"] is None and report["status"] == "generating":
        return None
    run_id = report["current_run_id"] if mine else None
    return {**_asked(report_id, report["status"], asked), "runId": None if run_id is None else str(run_id)}
