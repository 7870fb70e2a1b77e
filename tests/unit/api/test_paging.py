"""Cursors come back as they went, and strange ones are refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon_api.http.paging import Listing, moment, seq
from andon_api.http.problems import FieldErrors

LIST = Listing("runs", {"status": ["failed"], "function_id": None})


def test_a_cursor_carries_a_position_exactly() -> None:
    at, id = dt.datetime(2026, 1, 2, 3, 4, 5, 678901, dt.UTC), uuid4()
    assert LIST.decode(LIST.encode(at.isoformat(), id), moment, UUID) == [at, id]


@given(st.text())
def test_any_other_text_is_refused_by_name(text: str) -> None:
    with pytest.raises(FieldErrors, match="cursor"):
        LIST.decode(text, seq, UUID)


@pytest.mark.parametrize(
    "other", [Listing("reports", {"status": ["failed"]}), Listing("runs", {"status": ["completed"]}), Listing("runs")]
)
def test_a_cursor_of_another_list_or_with_other_filters_is_refused(other: Listing) -> None:
    with pytest.raises(FieldErrors, match="same filters") as refused:
        LIST.decode(other.encode(uuid4()), UUID)
    assert refused.value.status == 400


@pytest.mark.parametrize(("kind", "text"), [(seq, "9" * 30), (seq, "-1"), (seq, "٣"), (moment, "2026-01-01T00:00:00")])
def test_a_position_that_no_row_can_have_is_refused(kind: Callable[[str], Any], text: str) -> None:
    with pytest.raises(FieldErrors, match="unchanged"):
        LIST.decode(LIST.encode(text), kind)


def test_a_page_has_a_cursor_only_if_more_follows() -> None:
    assert LIST.page([3, 2, 1], 3, lambda n: [n]) == {"items": [3, 2, 1], "next_cursor": None}
    page = LIST.page([3, 2, 1], 2, lambda n: [n])
    assert page["items"] == [3, 2]
    assert LIST.decode(page["next_cursor"], seq) == [2]
