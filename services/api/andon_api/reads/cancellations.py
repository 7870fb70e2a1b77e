"""Cancels of many runs at once."""

from typing import Any

from sqlalchemy import select

from andon.adapters.postgres.models import EventRow, WideCancellation
from andon_api.database import Row, rows

_CANCELLATION = WideCancellation.__table__
_EVENT = EventRow.__table__


def newest(tenant: str, limit: int = 20) -> list[Row]:
    """The newest, each with who asked for it."""
    columns: list[Any] = [*_CANCELLATION.c, _EVENT.c.user.label("requested_by"), _EVENT.c.id.label("event_id")]
    query = select(*columns).join(_EVENT, _EVENT.c.seq == _CANCELLATION.c.event_seq)
    query = query.where(_CANCELLATION.c.tenant == tenant).order_by(_CANCELLATION.c.event_seq.desc()).limit(limit)
    return rows(query)
