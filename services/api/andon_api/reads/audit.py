"""The audit of a tenant."""

from sqlalchemy import select

from andon.adapters.postgres.models import AuditEntry
from andon_api.database import Row, rows
from andon_api.http import paging
from andon_api.http.paging import Listing

_AUDIT = AuditEntry.__table__


def listed(tenant: str, *, limit: int, cursor: str | None, action: str | None = None, target: str | None = None) -> Row:
    """A page of it, newest first."""
    query = select(_AUDIT).where(_AUDIT.c.tenant == tenant)
    if action is not None:
        query = query.where(_AUDIT.c.action == action)
    if target is not None:
        query = query.where(_AUDIT.c.target == target)
    listing = Listing("audit", {"action": action, "target": target})
    if after := listing.decode(cursor, paging.seq):
        query = query.where(_AUDIT.c.id < after[0])
    found = rows(query.order_by(_AUDIT.c.id.desc()).limit(limit + 1))
    return listing.page(found, limit, lambda row: [row["id"]])
