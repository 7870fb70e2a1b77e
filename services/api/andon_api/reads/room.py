"""How many rows go on a page: their number is bounded, and so is what they hold."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, Text, cast, func

from andon_api.database import db

PAGE_BYTES = 1 << 20
"""Of JSON as text. What it is as Python objects is up to thirty times as much."""


def room(query: Select[Any], limit: int, *large: ColumnElement[Any]) -> int:
    """How many of these rows, at most `limit`, go on a page for what their `large` columns hold: one at least."""
    size = sum((func.coalesce(func.octet_length(cast(each, Text)), 0) for each in large), start=cast(0, BigInteger))
    total = 0
    for place, held in enumerate(db.session.execute(query.with_only_columns(size).limit(limit)).scalars()):
        total += held
        if total > PAGE_BYTES:
            return max(place, 1)
    return limit
