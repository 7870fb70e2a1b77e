"""Reports, with the run that their status follows and their published files."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, and_, case, cast, func, select, tuple_

from andon.adapters.postgres.models import Dataset, Report, RowOwed, SubjectRow
from andon.engine.declared.subjects import STATES
from andon.engine.ids import parse_id
from andon.reports.events import KIND, REPORT
from andon_api.database import Row, rows
from andon_api.http import paging
from andon_api.reads import artifacts
from andon_api.reads.current import add_run
from andon_api.reads.filters import listing_of, of_request
from andon_api.reads.room import fitting

_ROW = Report.__table__
_SUBJECT = SubjectRow.__table__
_OWED = RowOwed.__table__
_DATASET = Dataset.__table__
_STATES = {state: REPORT.row.value(state) for state in STATES} if REPORT.row else {}
_OF_SUBJECT = ("requested_by", "cancel_requested_at", "request_event_id", "current_run_id")
_OF_ROW = [each for each in _ROW.c if each.name not in {*_OF_SUBJECT, "request_seq", "status", "updated_at", "version"}]
# A report as it is: its row, and what its subject alone knows; of a row that is owed, the state, too.
_REPORT = (
    select(
        *_OF_ROW,
        *(_SUBJECT.c[name] for name in _OF_SUBJECT),
        case((_OWED.c.subject_id.is_(None), _ROW.c.status), else_=case(_STATES, value=_SUBJECT.c.status)).label(
            "status"
        ),
        func.greatest(_ROW.c.updated_at, _SUBJECT.c.updated_at).label("updated_at"),
        (_ROW.c.version + func.coalesce(_SUBJECT.c.version, 0)).label("version"),
    )
    .select_from(
        _ROW.outerjoin(
            _SUBJECT,
            and_(_SUBJECT.c.tenant == _ROW.c.tenant, _SUBJECT.c.kind == KIND, _SUBJECT.c.key == cast(_ROW.c.id, Text)),
        ).outerjoin(_OWED, _OWED.c.subject_id == _SUBJECT.c.id)
    )
    .subquery("report")
)


def find(tenant: str, id: str) -> Row | None:
    """One report."""
    report_id = parse_id(id)
    if report_id is None:
        return None
    found = _complete(tenant, rows(_select(tenant).where(_REPORT.c.id == report_id)))
    return found[0] if found else None


def listed(tenant: str, filters: Row) -> Row:
    """A page of reports, newest first."""
    query = _select(tenant).where(*of_request(_REPORT, filters))
    listing, limit = listing_of("reports", filters), filters["limit"]
    if filters.get("dataset_id") is not None:
        query = query.where(_REPORT.c.dataset_id == filters["dataset_id"])
    if after := listing.decode(filters["cursor"], paging.moment, UUID):
        query = query.where(tuple_(_REPORT.c.created_at, _REPORT.c.id) < tuple_(*after))
    query = query.order_by(_REPORT.c.created_at.desc(), _REPORT.c.id.desc())
    made = listing.page(*fitting(query, limit, "options"), lambda row: [row["created_at"].isoformat(), row["id"]])
    return {**made, "items": _complete(tenant, made["items"])}


def _select(tenant: str) -> Select[Any]:
    dataset = _DATASET.c.name.label("dataset_name")
    joined = _REPORT.outerjoin(_DATASET, _DATASET.c.id == _REPORT.c.dataset_id)
    return select(_REPORT, dataset).select_from(joined).where(_REPORT.c.tenant == tenant)


def _complete(tenant: str, reports: list[Row]) -> list[Row]:
    """Add to each report its run, its progress and its artifacts."""
    add_run(tenant, reports, done="generated", going="generating")
    files = artifacts.of_reports(tenant, [row["id"] for row in reports])
    for row in reports:
        row["artifacts"] = files.get(row["id"], [])
    return reports
