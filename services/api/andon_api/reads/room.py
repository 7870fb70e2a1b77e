"""How many rows go on a page: their number is bounded, and so is what they hold."""

import json
from contextlib import closing
from typing import Any

from sqlalchemy import Select

from andon_api.database import Row, db

PAGE_BYTES = 512 * 1024
"""Of JSON as text. What it is as Python objects is up to thirty times as much."""
AT_ONCE = 4
"""Rows that are read at a time: the server has no cheap way to tell how large one is."""


def fitting(query: Select[Any], limit: int, *large: str) -> tuple[list[Row], int]:
    """The first of these rows, and how many of them go on a page for what their `large` columns hold: one at least,
    `limit` at most. One more row than these says that there are more.
    """
    found: list[Row] = []
    total = 0
    result = db.session.execute(query.limit(limit + 1), execution_options={"yield_per": AT_ONCE})
    with closing(result):
        for row in result.mappings():
            found.append(dict(row))
            if total > PAGE_BYTES:
                return found, len(found) - 1
            total += sum(len(json.dumps(row[each])) for each in large)
    return found, limit
