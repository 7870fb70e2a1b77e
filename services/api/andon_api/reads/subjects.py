"""Subjects, with the run that their state follows."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, tuple_

from andon.adapters.postgres.models import RowOwed, SubjectKind, SubjectRow
from andon.adapters.postgres.subjects import subject_kinds
from andon.adapters.postgres.subjects import subjects as stored
from andon.adapters.postgres.subjects.subject_kinds import Kind, shown
from andon.engine.declared.subjects import LONGEST_ID, subject_id
from andon_api.database import Row, connection, rows
from andon_api.http import paging
from andon_api.reads.current import add_run
from andon_api.reads.filters import listing_of, of_request

_SUBJECT = SubjectRow.__table__
_KIND = SubjectKind.__table__
_OWED = RowOwed.__table__
_NEVER_ASKED = {each.name: None for each in _SUBJECT.c} | {"status": "idle", "version": 0}


def find(tenant: str, kind: str, id: str) -> Row | None:
    """One subject, by its id in any spelling; one that nobody ever asked for is `idle` if there is its row."""
    if not 0 < len(id) <= LONGEST_ID or "\x00" in kind + id:
        return None
    found = _complete(tenant, rows(_select(tenant).where(_SUBJECT.c.id == subject_id(tenant, kind, id))))
    if found:
        return found[0]
    known = subject_kinds.find(connection(), kind)
    [row] = stored.find(connection(), [(kind, tenant, id)])
    if known is None or row.key is None:
        return None
    if row.key != id:
        return find(tenant, kind, row.key)
    if not known.followed:
        return None
    return _complete(tenant, [_idle(known, row.key)])[0]


def name_of(id: UUID) -> tuple[str, str] | None:
    """Kind and key of the subject with this id of its row of ours."""
    found = rows(select(_SUBJECT.c.kind, _SUBJECT.c.key).where(_SUBJECT.c.id == id))
    return (found[0]["kind"], found[0]["key"]) if found else None


def listed(tenant: str, filters: Row) -> Row:
    """A page of subjects that were asked for, newest first."""
    query = _select(tenant).where(*of_request(_SUBJECT, filters))
    listing, limit = listing_of("subjects", filters), filters["limit"]
    if filters.get("kind") is not None:
        query = query.where(_SUBJECT.c.kind == filters["kind"])
    if after := listing.decode(filters["cursor"], paging.moment, UUID):
        query = query.where(tuple_(_SUBJECT.c.created_at, _SUBJECT.c.id) < tuple_(*after))
    query = query.order_by(_SUBJECT.c.created_at.desc(), _SUBJECT.c.id.desc()).limit(limit + 1)
    page = listing.page(rows(query), limit, lambda row: [row["created_at"].isoformat(), row["id"]])
    return {**page, "items": _complete(tenant, page["items"])}


def _idle(kind: Kind, key: str) -> Row:
    said = {"kind": kind.kind, "key": key, "function_id": kind.function_id, "numeric": kind.numeric, "owed": None}
    return {**_NEVER_ASKED, **said}


def _select(tenant: str) -> Select[Any]:
    joined = _SUBJECT.outerjoin(_KIND, _KIND.c.kind == _SUBJECT.c.kind)
    joined = joined.outerjoin(_OWED, _OWED.c.subject_id == _SUBJECT.c.id)
    fields = _KIND.c.function_id, _KIND.c.numeric, _OWED.c.reason.label("owed")
    return select(_SUBJECT, *fields).select_from(joined).where(_SUBJECT.c.tenant == tenant)


def _complete(tenant: str, subjects: list[Row]) -> list[Row]:
    """Add to each its id as its row has it, its run and its progress."""
    add_run(tenant, subjects, done="completed", going="active")
    for row in subjects:
        row["subject_id"], row["id"] = row["id"], shown(row["key"], numeric=row["numeric"])
    return subjects
