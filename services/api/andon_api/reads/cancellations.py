"""Cancels of many runs at once."""

from typing import Any

from sqlalchemy import Select, select

from andon.adapters.postgres.models import EventRow, WideCancellation
from andon.engine.ids import parse_id
from andon_api.database import Row, rows

_CANCELLATION = WideCancellation.__table__
_EVENT = EventRow.__table__


def newest(tenant: str, limit: int = 20) -> list[Row]:
    """The newest, each with who asked for it."""
    return rows(_select(tenant).order_by(_CANCELLATION.c.event_seq.desc()).limit(limit))


def find(tenant: str, id: str) -> Row | None:
    """One, with what its event says of it."""
    found = rows(_select(tenant).add_columns(_EVENT.c.data).where(_CANCELLATION.c.id == parse_id(id)))
    if not found:
        return None
    row, data = found[0], found[0]["data"]
    return {**row, "if_": row["expression"], "reason": data.get("reason"), "tag": data.get("tag")}


def _select(tenant: str) -> Select[Any]:
    columns: list[Any] = [*_CANCELLATION.c, _EVENT.c.user.label("requested_by"), _EVENT.c.id.label("event_id")]
    query = select(*columns).join(_EVENT, _EVENT.c.seq == _CANCELLATION.c.event_seq)
    return query.where(_CANCELLATION.c.tenant == tenant)
