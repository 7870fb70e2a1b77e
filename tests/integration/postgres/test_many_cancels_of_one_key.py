"""Many cancels of one key in a batch leave few rows, and each run is stopped by the first after its request."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from andon import CancelOn, function
from andon.adapters.cel import check_expression
from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.events import inbox
from andon.engine.declared.functions import Registry
from andon.engine.events import Event
from andon.engine.ids import new_id
from andon_worker.dispatcher.batches.batch import record_batch

_STOPPED = """
SELECT e.id, r.status, r.cancel_event_id, r.cancel_reason FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq
ORDER BY r.event_seq, r.function_id
"""


def registry(functions: int, *, if_: str | None = None) -> Registry:
    """So many functions that one event starts and one event cancels."""
    made = Registry(check_expression=check_expression)
    for number in range(functions):
        rule = CancelOn("job/cancelled", match="data.job", if_=if_)
        named = function(id=f"f-{number}", trigger="job/requested", cancel_on=[rule])
        made.add(named(lambda event, step: None))
    return made


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    with connect(database_url, name="test") as connection:
        yield connection


def event(name: str, id: str, **data: str) -> Event:
    return Event(f"job/{name}", {"job": "a", **data}, id=id)


def handle(database: Connection, functions: Registry, *events: Event) -> None:
    with database.transaction():
        record_batch(database, functions, events, [None] * len(events))


def test_ten_thousand_cancels_of_one_key_leave_two_rows_for_each_key_and_batch(database: Connection) -> None:
    functions = registry(36)
    handle(database, functions, event("requested", "before"))
    for batch in range(20):
        handle(database, functions, *(event("cancelled", f"cancel-{batch}-{number}") for number in range(500)))
    [rows] = database.execute("SELECT count(*) FROM andon.cancellations").fetchone() or [0]
    assert rows <= 20 * 36 * 2
    stopped = database.execute(_STOPPED).fetchall()
    assert stopped == [("before", "cancelled", "cancel-0-0", None)] * 36


def test_each_run_is_stopped_by_the_first_cancel_after_its_request(database: Connection) -> None:
    functions = registry(1)
    order = ["requested", *["cancelled"] * 3, "requested", *["cancelled"] * 3, "requested"]
    handle(database, functions, *(event(name, str(place), reason=str(place)) for place, name in enumerate(order)))
    assert database.execute(_STOPPED).fetchall() == [
        ("0", "cancelled", "1", "1"),
        ("4", "cancelled", "5", "5"),
        ("8", "queued", None, None),
    ]


def test_a_run_whose_request_was_recorded_among_the_cancels_and_is_made_later_is_born_cancelled(
    database: Connection,
) -> None:
    functions = registry(1)
    accepted: list[Event] = []
    for id, name in [
        ("a", "cancelled"),
        ("b", "cancelled"),
        ("c", "requested"),
        ("d", "cancelled"),
        ("e", "cancelled"),
    ]:
        with database.transaction():
            accepted += inbox.accept(database, [event(name, id)])
    handle(database, functions, *(each for each in accepted if each.name == "job/cancelled"))
    handle(database, functions, *(each for each in accepted if each.name == "job/requested"))
    [(id, status, by, _)] = database.execute(_STOPPED).fetchall()
    assert (id, status) == ("c", "cancelled")
    assert by in {"d", "e"}


def test_where_an_expression_decides_every_cancel_is_kept(database: Connection) -> None:
    functions = registry(1, if_="async.data.by == 'ada'")
    handle(database, functions, event("requested", str(new_id()), by="x"))
    handle(database, functions, *(event("cancelled", name, by=name) for name in ("bob", "ada", "eve")))
    assert [(status, by) for _, status, by, _ in database.execute(_STOPPED).fetchall()] == [("cancelled", "ada")]
    assert database.execute("SELECT count(*) FROM andon.cancellations").fetchone() == (3,)


def test_keys_have_nothing_to_do_with_each_other(database: Connection) -> None:
    functions = registry(1)
    jobs = ["a", "b", "a", "b", "a"]
    handle(database, functions, *(event("cancelled", f"{place}", job=job) for place, job in enumerate(jobs)))
    rows = database.execute("SELECT event_id FROM andon.cancellations ORDER BY event_seq").fetchall()
    assert [id for (id,) in rows] == ["0", "1", "3", "4"]
