"""Make, change and delete reports, in the session's transaction; generate and cancel them."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any
from uuid import UUID

from sqlalchemy import delete as delete_rows
from sqlalchemy import func, select

from andon.adapters.postgres.asks import reports as stored
from andon.adapters.postgres.asks.requests import Asked, Conflict, there
from andon.adapters.postgres.models import Artifact, Dataset, Report, Run
from andon.adapters.postgres.runs.children import below
from andon.engine.events import Event
from andon.engine.ids import new_id
from andon.reports.columns import Column
from andon.reports.errors import InvalidOptions
from andon.reports.events import REQUESTED
from andon.reports.options import check_columns, parse_options
from andon_api.access.admission import admit
from andon_api.access.auditing import note
from andon_api.database import Row, connection, db
from andon_api.http.effects import Outcome, at_once, at_once_or
from andon_api.http.etags import precondition
from andon_api.http.prefer_wait import Known
from andon_api.http.problems import FieldErrors
from andon_api.http.rest import PREFIX
from andon_api.principal import Principal, asking, principal
from andon_api.reads import datasets, reports


def create(who: Principal, *, title: str, dataset_id: UUID | None, options: dict[str, Any]) -> UUID:
    """Make a report; raises `FieldErrors` for a dataset that isn't there, and for options that don't fit it."""
    check_options(who.tenant, dataset_id, options)
    report = Report(
        id=new_id(),
        tenant=who.tenant,
        title=title.strip(),
        dataset_id=dataset_id,
        options=options,
        created_by=who.user,
    )
    db.session.add(report)
    db.session.flush()
    return report.id


def change(tenant: str, report_id: UUID, changes: Row, check: Callable[[object], None] | None) -> None:
    """Change what `changes` names. What a generation under way works from can't change below it."""
    report, generating = _locked(tenant, report_id, check)
    if generating and changes.keys() - {"title"}:
        raise Conflict("Report is generating: its dataset and options can change when it has ended")
    if "dataset_id" in changes or "options" in changes:
        check_options(tenant, changes.get("dataset_id", report.dataset_id), changes.get("options", report.options))
    for name, value in changes.items():
        setattr(report, name, value.strip() if name == "title" else value)
    note("report.changed", report_id, changed=sorted(changes))
    report.version += 1
    report.updated_at = func.clock_timestamp()


def delete(tenant: str, report_id: UUID, check: Callable[[object], None] | None) -> None:
    """Delete the report and the rows of its runs' files; `andon prune` removes the files themselves."""
    report, generating = _locked(tenant, report_id, check)
    if generating:
        raise Conflict("Report is generating: cancel it before it is deleted")
    note("report.deleted", report_id, title=report.title)
    runs = select(Run.id).where(Run.subject_id == stored.of(tenant, report_id))
    db.session.execute(delete_rows(Artifact).where(Artifact.run_id.in_(runs)))
    db.session.delete(report)
    stored.forget(connection(), tenant, report_id)


def check_options(tenant: str, dataset_id: UUID | None, options: dict[str, Any]) -> None:
    """Raise `FieldErrors` unless the dataset exists and the options are right for it."""
    dataset = None
    if dataset_id is not None:
        kept = select(Dataset.id).where(Dataset.id == dataset_id, Dataset.tenant == tenant)
        db.session.execute(kept.with_for_update(read=True, key_share=True))  # nobody deletes it before this is done
        dataset = datasets.find(tenant, dataset_id)
        if dataset is None:
            raise FieldErrors([("/datasetId", "expected the id of a dataset; there is none with this id")])
    try:
        parsed = parse_options(options)
        if dataset is not None:
            check_columns(parsed, [Column.from_json(each) for each in dataset["columns"]])
    except InvalidOptions as error:
        raise FieldErrors(error.problems) from None


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


def _locked(tenant: str, report_id: UUID, check: Callable[[object], None] | None) -> tuple[Report, bool]:
    """The report, and whether it is generating."""
    generating, version = stored.locked(connection(), tenant, report_id)
    if check is not None:
        check(version)
    query = select(Report).where(Report.tenant == tenant, Report.id == report_id)
    return db.session.execute(query).scalar_one(), generating


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
