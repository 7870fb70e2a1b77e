"""Datasets."""

from uuid import UUID

from sqlalchemy import select, tuple_

from andon.adapters.postgres.models import Dataset
from andon.engine.ids import parse_id
from andon.reports.tables.plan import Plan
from andon_api.database import Row, rows
from andon_api.http import paging
from andon_api.http.paging import Listing
from andon_api.reads.room import fitting

_DATASET = Dataset.__table__


def find(tenant: str, id: str | UUID) -> Row | None:
    """One dataset."""
    dataset_id = id if isinstance(id, UUID) else parse_id(id)
    found = rows(select(_DATASET).where(_DATASET.c.tenant == tenant, _DATASET.c.id == dataset_id))
    return _told(found[0]) if found else None


def listed(tenant: str, *, limit: int, cursor: str | None) -> Row:
    """A page of datasets, newest first."""
    query = select(_DATASET).where(_DATASET.c.tenant == tenant)
    listing = Listing("datasets")
    if after := listing.decode(cursor, paging.moment, UUID):
        query = query.where(tuple_(_DATASET.c.created_at, _DATASET.c.id) < tuple_(*after))
    query = query.order_by(_DATASET.c.created_at.desc(), _DATASET.c.id.desc())
    found, limit = fitting(query, limit, "columns", "plan")
    return listing.page([_told(each) for each in found], limit, lambda row: [row["created_at"].isoformat(), row["id"]])


def _told(dataset: Row) -> Row:
    """A dataset with what its plan says to its users."""
    plan = dataset["plan"]
    return {**dataset, "reading": Plan.from_json(plan).shown()} if plan else dataset
