"""Whatever JSON comes in, an event comes out or an error that names the field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from andon.engine.events import Event, check_event
from andon_api.asks.incoming import read_events, read_inngest
from andon_api.http.problems import FieldErrors
from andon_api.principal import Principal

WHO = Principal("acme", {"id": "ann"})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
EVENT = st.fixed_dictionaries(
    {}, optional={"name": JSON | st.just("a/b"), "data": JSON, "id": JSON, "ts": JSON, "user": JSON, "v": JSON}
)


def _read(read: Callable[[], list[Event]]) -> list[Event]:
    try:
        return read()
    except FieldErrors as error:
        if not error.errors:
            raise
        return []


@given(JSON | EVENT | st.lists(EVENT, max_size=3))
def test_reading_never_fails_otherwise(body: Any) -> None:
    for events in (_read(lambda: read_events(body, WHO)), _read(lambda: read_inngest(body, WHO, seed="s"))):
        for event in events:
            assert check_event(event).tenant == "acme"
            assert event.id


def test_the_user_is_who_asks_unless_the_event_names_one() -> None:
    asks, names = read_events([{"name": "a/b"}, {"name": "a/b", "user": {"id": "bob"}}], WHO)
    assert (asks.user, names.user) == ({"id": "ann"}, {"id": "bob"})


def test_a_seed_makes_ids_that_are_the_same_again_and_differ_by_place() -> None:
    body = [{"name": "a/b"}, {"name": "a/b"}, {"name": "a/b", "id": "own"}]
    first, second = (read_inngest(body, WHO, seed="s") for _ in range(2))
    assert [each.id for each in first] == [each.id for each in second]
    assert len({each.id for each in first}) == 3
    assert first[2].id == "own"
