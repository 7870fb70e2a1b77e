"""Which partition an event belongs to: a request and its cancel to the same, and everything to one that is there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from andon import CancelOn, Event, function
from andon.engine.partitions import ONE, Partitions, matched_fields

JSON = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.lists(st.integers())
    | st.dictionaries(st.text(), st.text())
)


@function(
    id="b",
    trigger="order/placed",
    cancel_on=[CancelOn("order/withdrawn", match="data.order.id"), CancelOn("account/closed", match="data.account")],
)
def ship(event: Event, step: object) -> None:
    """Cancelled by two fields."""


@function(id="a", trigger="account/opened", cancel_on=[CancelOn("account/closed", match="data.name")])
def greet(event: Event, step: object) -> None:
    """Cancelled by another field of an event that cancels `ship`, too."""


@function(id="c", trigger="mail/sent", cancel_on=[CancelOn.every_run("mail/stopped")])
def count(event: Event, step: object) -> None:
    """Cancelled by no field."""


FIELDS = matched_fields([ship, greet, count])


def test_each_name_is_placed_by_the_field_of_the_first_rule_in_which_it_takes_part() -> None:
    assert FIELDS == {
        "account/opened": "data.name",
        "account/closed": "data.name",
        "order/placed": "data.order.id",
        "order/withdrawn": "data.order.id",
    }


@given(value=JSON, tenant=st.text(min_size=1), partitions=st.integers(2, 64))
def test_a_request_and_the_cancel_that_matches_it_meet_whatever_else_they_say(
    value: object, tenant: str, partitions: int
) -> None:
    placing = Partitions(partitions, FIELDS)
    request = Event("order/placed", {"order": {"id": value}, "account": 1}, id="1", tenant=tenant)
    cancel = Event("order/withdrawn", {"reason": "late", "order": {"id": value}}, id="2", tenant=tenant)
    assert placing.place(request) == placing.place(cancel) < partitions


def test_what_has_no_field_is_spread_by_its_id() -> None:
    placing = Partitions(4, FIELDS)
    events = [Event(name, {}, id=str(number)) for number in range(100) for name in ("mail/stopped", "order/placed")]
    assert {placing.place(each) for each in events} == {0, 1, 2, 3}


def test_one_partition_takes_everything() -> None:
    assert {ONE.place(Event("order/placed", {"order": {"id": n}}, id=str(n))) for n in range(20)} == {0}


def test_producers_in_other_languages_can_rely_on_where_a_value_falls() -> None:
    placing = Partitions(4, {"report/generation.requested": "data.reportId"})
    places = [placing.place(Event("report/generation.requested", {"reportId": id})) for id in ("r1", "r2", "r3", 7)]
    assert places == [0, 3, 2, 0]
