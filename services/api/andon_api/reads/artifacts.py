"""Artifacts: the files of runs that have completed, and of reports, whose newest completed run they are."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.dialects.postgresql import distinct_on

from andon.adapters.postgres.asks import reports
from andon.adapters.postgres.models import Artifact, Run
from andon.engine.ids import parse_id
from andon_api.database import Row, rows
from andon_api.http.rest import PREFIX

_ARTIFACT = Artifact.__table__
_RUN = Run.__table__
_PUBLISHED = _RUN.c.status == "completed"


def of_run(run_id: UUID) -> list[Row]:
    """What a run has published, by name."""
    found = rows(_select(_RUN.c.id == run_id))
    return [{**row, "url": f"{PREFIX}/runs/{run_id}/artifacts/{quote(row['name'], safe='')}"} for row in found]


def of_reports(tenant: str, report_ids: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """What each report shows, by name."""
    files: dict[UUID, list[Row]] = defaultdict(list)
    by_subject = {reports.of(tenant, id): id for id in report_ids}
    if by_subject:
        for row in rows(_select(_RUN.c.id.in_(_newest(_RUN.c.subject_id.in_(list(by_subject)))))):
            report_id = by_subject[row["subject_id"]]
            url = f"{PREFIX}/reports/{report_id}/artifacts/{quote(row['name'], safe='')}"
            files[report_id].append({**row, "url": url})
    return files


def one_of_run(tenant: str, id: str, name: str) -> Row | None:
    """A published file of a run."""
    return _one(tenant, parse_id(id), name, lambda run_id: _RUN.c.id == run_id)


def one_of_report(tenant: str, id: str, name: str) -> Row | None:
    """A file that a report shows."""
    return _one(
        tenant, parse_id(id), name, lambda id: _RUN.c.id.in_(_newest(_RUN.c.subject_id == reports.of(tenant, id)))
    )


def _one(tenant: str, id: UUID | None, name: str, whose: Any) -> Row | None:
    if id is None or "\x00" in name:
        return None
    found = rows(_select(whose(id)).where(_RUN.c.tenant == tenant, _ARTIFACT.c.name == name))
    return found[0] if found else None


def _select(which: ColumnElement[bool]) -> Select[Any]:
    joined = _ARTIFACT.join(_RUN, _RUN.c.id == _ARTIFACT.c.run_id)
    return select(_ARTIFACT, _RUN.c.subject_id).select_from(joined).where(_PUBLISHED, which).order_by(_ARTIFACT.c.name)


def _newest(which: ColumnElement[bool]) -> Select[Any]:
    """The newest completed run of each of these subjects."""
    return (
        select(_RUN.c.id)
        .where(which, _PUBLISHED, _RUN.c.kind == "function")
        .ext(distinct_on(_RUN.c.subject_id))
        .order_by(_RUN.c.subject_id, _RUN.c.event_seq.desc())
    )
