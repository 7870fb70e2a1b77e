"""Cursors come back as they went, and strange ones are refused."""

from __future__ import annotations

import datetime as dt
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon_api import paging
from andon_api.problems import FieldErrors


def test_a_cursor_carries_a_position_exactly() -> None:
    at, id = dt.datetime(2026, 1, 2, 3, 4, 5, 678901, dt.UTC), uuid4()
    assert paging.decode(paging.encode(at.isoformat(), id), dt.datetime.fromisoformat, UUID) == [at, id]


@given(st.text(min_size=1))
def test_any_other_text_is_refused_by_name(text: str) -> None:
    with pytest.raises(FieldErrors, match="cursor"):
        paging.decode(text, int, UUID)


def test_a_page_has_a_cursor_only_if_more_follows() -> None:
    assert paging.page([3, 2, 1], 3, lambda n: [n]) == {"items": [3, 2, 1], "next_cursor": None}
    page = paging.page([3, 2, 1], 2, lambda n: [n])
    assert page["items"] == [3, 2]
    assert paging.decode(page["next_cursor"], int) == [2]
