"""Runs found by a tag, or by a field of their event's data."""

import json
import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, cast, exists, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from andon.adapters.postgres.models import EventRow, Run, RunTag
from andon.engine.declared.rules import PATH
from andon_api.http.problems import FieldErrors

SEEN_AT_ONCE = 10_000
"""So many runs are looked at for one page of those that have a value in their event's data."""
_RUN = Run.__table__
_EVENT = EventRow.__table__
_TAG = RunTag.__table__
_WHERE = re.compile(r"\s*([^=\s]+)\s*==?\s*(.+?)\s*", re.DOTALL)


def tagged(tenant: str, tag: str) -> ColumnElement[bool]:
    """Whether a run has this tag."""
    return exists().where(_TAG.c.tenant == tenant, _TAG.c.tag == tag, _TAG.c.run_id == _RUN.c.id)


def tags() -> ColumnElement[list[str]]:
    """The tags of the run that is selected, sorted."""
    sorted_tags = func.array_agg(aggregate_order_by(_TAG.c.tag, _TAG.c.tag))
    found = select(func.coalesce(sorted_tags, cast([], ARRAY(Text)))).where(_TAG.c.run_id == _RUN.c.id)
    return found.correlate(_RUN).scalar_subquery()


def has_value(where: str) -> ColumnElement[bool]:
    """Whether the event has what `data.reportId = 7` says: the number or the text, where it can be both."""
    said = _WHERE.fullmatch(where)
    if said is None or not PATH.fullmatch(said[1]):
        expected = "expected a field and its value, such as data.reportId = 7"
        raise FieldErrors([("?where", f"{expected}, got {where[:80]!r}")])
    data = cast(_EVENT.c.data, JSONB)
    return or_(*(data.contains(_below(said[1].split(".")[1:], value)) for value in _values(said[2])))


def _values(text: str) -> list[Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return [text]
    return [value] if isinstance(value, str) else [value, text]


def _below(path: Sequence[str], value: Any) -> Any:
    for name in reversed(path):
        value = {name: value}
    return value
