"""Make, change and delete reports, in the session's transaction."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import delete as delete_rows
from sqlalchemy import func, select

from andon.adapters.postgres.asks import reports
from andon.adapters.postgres.asks.requests import Conflict
from andon.adapters.postgres.models import Artifact, Dataset, Report, Run
from andon.engine.ids import new_id
from andon.reports.columns import Column
from andon.reports.errors import InvalidOptions
from andon.reports.options import check_columns, parse_options
from andon_api.access.auditing import note
from andon_api.database import Row, connection, db
from andon_api.http.problems import FieldErrors
from andon_api.principal import Principal
from andon_api.reads import datasets


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
    runs = select(Run.id).where(Run.subject_id == reports.of(tenant, report_id))
    db.session.execute(delete_rows(Artifact).where(Artifact.run_id.in_(runs)))
    db.session.delete(report)
    reports.forget(connection(), tenant, report_id)


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


def _locked(tenant: str, report_id: UUID, check: Callable[[object], None] | None) -> tuple[Report, bool]:
    """The report, and whether it is generating."""
    generating, version = reports.locked(connection(), tenant, report_id)
    if check is not None:
        check(version)
    query = select(Report).where(Report.tenant == tenant, Report.id == report_id)
    return db.session.execute(query).scalar_one(), generating
