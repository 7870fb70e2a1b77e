"""Filters that several lists have: when something was made, and who has asked for it."""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Text, cast, func, or_

from andon_api.database import Row
from andon_api.http.paging import Listing

_NO_FILTERS = {"cursor", "limit"}


def listing_of(name: str, filters: Row) -> Listing:
    """The list of this name under these filters; statuses are the same in any order."""
    given = {field: value for field, value in filters.items() if field not in _NO_FILTERS}
    return Listing(name, {**given, "status": sorted(given.get("status") or [])})


def of_request(table: FromClause, filters: Row) -> list[ColumnElement[bool]]:
    """What `status`, `created_after`, `created_before` and `requested_by` ask of a row; nothing where none is given."""
    asked: list[ColumnElement[bool]] = []
    if filters.get("status"):
        asked.append(table.c.status.in_(filters["status"]))
    if filters.get("created_after") is not None:
        asked.append(table.c.created_at >= filters["created_after"])
    if filters.get("created_before") is not None:
        asked.append(table.c.created_at < filters["created_before"])
    if filters.get("requested_by") is not None:
        asked.append(_is(table.c.requested_by, filters["requested_by"]))
    return asked


def _is(user: ColumnElement[Any], id: str) -> ColumnElement[bool]:
    """Whether the user is who has this id: an object's `id`, or a user that is a text."""
    return or_(func.jsonb_extract_path_text(user, "id") == id, user == func.to_jsonb(cast(id, Text)))
