"""`data=`: a dataclass, a pydantic model or a marshmallow schema, as JSON Schema and for the handler."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Any, Literal, NewType, NotRequired, TypedDict

import marshmallow
import pydantic
import pytest

from andon import Event, RegistrationError, Step, function
from andon.engine.data.models import schema_of
from andon.engine.data.shapes import fault
from andon.engine.declared.declarations import from_json, to_json
from andon.engine.declared.functions import Registry
from andon.engine.declared.triggers import Cron
from andon.testing import run_function


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


@dataclass
class Page:
    number: int
    note: str | None = None


@dataclass
class Import:
    name: str
    pages: list[Page]
    size: Size = Size.SMALL
    at: dt.datetime | None = None
    kind: Literal["all", "new"] = "all"
    weights: dict[str, float] = field(default_factory=dict)


class PydanticPage(pydantic.BaseModel):
    number: int = pydantic.Field(ge=1)


class PydanticImport(pydantic.BaseModel):
    name: str
    pages: list[PydanticPage]


class MarshmallowPage(marshmallow.Schema):
    number = marshmallow.fields.Integer(required=True)


class MarshmallowImport(marshmallow.Schema):
    name = marshmallow.fields.String(required=True)
    pages = marshmallow.fields.List(marshmallow.fields.Nested(MarshmallowPage), required=True)
    at = marshmallow.fields.DateTime(allow_none=True)


MODELS = [Import, PydanticImport, MarshmallowImport]
GOOD: dict[str, Any] = {"name": "a", "pages": [{"number": 1}, {"number": 2}]}


@pytest.mark.parametrize("model", MODELS)
def test_what_fits_has_no_fault_and_what_does_not_is_named_by_its_path(model: Any) -> None:
    schema = json.loads(json.dumps(schema_of(model)))
    assert fault(schema, GOOD) is None
    assert (fault(schema, {**GOOD, "extra": True}) is None) is (model is not MarshmallowImport)
    assert str(fault(schema, {"pages": []})) == "data.name: is missing"
    assert str(fault(schema, {**GOOD, "name": 7})) == "data.name: expected a text, got a whole number"
    wrong = {**GOOD, "pages": [{"number": 1}, {"number": "two"}]}
    assert str(fault(schema, wrong)) == "data.pages.1.number: expected a whole number, got a text"
    assert str(fault(schema, {**GOOD, "pages": {}})) == "data.pages: expected a list, got an object"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({**GOOD, "size": "huge"}, "data.size: expected one of 'small', 'large'"),
        ({**GOOD, "kind": "old"}, "data.kind: expected one of 'all', 'new'"),
        ({**GOOD, "at": "noon"}, "data.at: expected a date-time or null, got a text"),
        ({**GOOD, "weights": {"a": "heavy"}}, "data.weights.a: expected a number, got a text"),
        ({**GOOD, "pages": [{"number": True}]}, "data.pages.0.number: expected a whole number, got true or false"),
    ],
)
def test_types_of_dataclasses_are_looked_into(data: dict[str, Any], said: str) -> None:
    assert str(fault(schema_of(Import), data)) == said


UserId = NewType("UserId", int)


class Address(TypedDict):
    street: str
    since: NotRequired[dt.date]


@dataclass
class Node:
    id: UserId
    children: list[Node] = field(default_factory=list)


@dataclass
class Order:
    amount: decimal.Decimal
    at: dt.time
    corner: tuple[int, str]
    tags: Sequence[str]
    seen: frozenset[int]
    address: Address
    root: Node
    meta: dict  # type: ignore[type-arg]
    note: Any = None


ORDER: dict[str, Any] = {
    "amount": "12.50",
    "at": "10:30",
    "corner": [7, "north"],
    "tags": ["a"],
    "seen": [1, 1],
    "address": {"street": "x", "since": "2026-01-01"},
    "root": {"id": 1.0, "children": [{"id": 2, "children": [{"id": 3}]}]},
    "meta": {"a": [1]},
}


def test_a_handler_gets_what_each_field_says_however_it_is_written() -> None:
    seen: list[Order] = []
    handler = function(id="f", trigger="a/b", data=Order)(lambda event, step: seen.append(event.data))
    assert run_function(handler, Event("a/b", ORDER)).error is None
    [order] = seen
    assert (order.amount, order.at, order.corner) == (decimal.Decimal("12.50"), dt.time(10, 30), (7, "north"))
    assert (order.tags, order.seen, order.meta) == (["a"], frozenset({1}), {"a": [1]})
    assert order.address == {"street": "x", "since": dt.date(2026, 1, 1)}
    assert order.root == Node(UserId(1), [Node(UserId(2), [Node(UserId(3))])])
    assert type(order.root.id) is int


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"amount": "much"}, "data.amount: expected a decimal"),
        ({"at": "noon"}, "data.at: expected a time"),
        ({"corner": [7]}, "data.corner: expected 2 items or more"),
        ({"corner": ["7", "north"]}, "data.corner.0: expected a whole number, got a text"),
        ({"tags": "abc"}, "data.tags: expected a list, got a text"),
        ({"address": {}}, "data.address.street: is missing"),
        (
            {"root": {"id": 1, "children": [{"id": 2, "children": [{"id": "x"}]}]}},
            "data.root.children.0.children.0.id: expected a whole number, got a text",
        ),
        ({"meta": []}, "data.meta: expected an object, got a list"),
    ],
)
def test_what_does_not_fit_a_field_is_told_by_its_path(change: dict[str, Any], said: str) -> None:
    assert str(fault(schema_of(Order), {**ORDER, **change})) == said


@pytest.mark.parametrize("kind", [bytes, Path, dt.timedelta, dict[int, str], Callable[[], None]])
def test_a_field_that_json_cannot_be_is_refused_where_it_is_declared(kind: Any) -> None:
    inner: Any = make_dataclass("Inner", [("raw", kind)])
    outer = make_dataclass("Outer", [("inners", list.__class_getitem__(inner))])
    with pytest.raises(RegistrationError, match=r"function 'f': data=.*: Inner\.raw: JSON"):
        function(id="f", trigger="a/b", data=outer)(lambda event, step: None)


class Strict(marshmallow.Schema):
    size = marshmallow.fields.Integer(validate=marshmallow.validate.Range(min=1, max=5, max_inclusive=False))
    code = marshmallow.fields.String(validate=[marshmallow.validate.Length(equal=2)])
    kind = marshmallow.fields.String(validate=marshmallow.validate.OneOf(["a", "b"]))
    price = marshmallow.fields.Decimal()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"size": 0}, "data.size: expected at least 1"),
        ({"size": 5}, "data.size: expected less than 5"),
        ({"code": "abc"}, "data.code: expected 2 characters at most"),
        ({"kind": "c"}, "data.kind: expected one of 'a', 'b'"),
        ({"price": []}, "data.price: expected a number or a text, got a list"),
        ({"other": 1}, "data.other: is no field that is known"),
    ],
)
def test_what_marshmallow_would_refuse_is_refused_before(data: dict[str, Any], said: str) -> None:
    assert str(fault(schema_of(Strict), data)) == said
    with pytest.raises(marshmallow.ValidationError):
        Strict().load(data)
    assert fault(schema_of(Strict(unknown=marshmallow.EXCLUDE)), {"other": 1}) is None


def test_bounds_and_references_of_pydantic_are_followed() -> None:
    wrong = {"name": "a", "pages": [{"number": 0}]}
    assert str(fault(schema_of(PydanticImport), wrong)) == "data.pages.0.number: expected at least 1"


def test_a_handler_gets_a_dataclass() -> None:
    seen: list[Import] = []

    @function(id="f", trigger="a/b", data=Import)
    def handler(event: Event[Import], step: Step) -> str:
        seen.append(event.data)
        return event.data.name

    data = {**GOOD, "size": "large", "at": "2026-11-26T10:00:00+00:00", "weights": {"x": 1}}
    assert run_function(handler, Event("a/b", data)).output == "a"
    at = dt.datetime(2026, 11, 26, 10, tzinfo=dt.UTC)
    assert seen == [Import("a", [Page(1), Page(2)], Size.LARGE, at, "all", {"x": 1.0})]


def test_a_handler_gets_a_pydantic_model_and_an_async_one_what_marshmallow_loads() -> None:
    @function(id="f", trigger="a/b", data=PydanticImport)
    def plain(event: Event[PydanticImport], step: Step) -> int:
        return event.data.pages[1].number

    @function(id="g", trigger="a/b", data=MarshmallowImport)
    async def later(event: Event[dict[str, Any]], step: Any) -> int:
        return int(event.data["pages"][1]["number"])

    assert run_function(plain, Event("a/b", GOOD)).output == 2
    assert run_function(later, Event("a/b", GOOD)).output == 2


@pytest.mark.parametrize("model", MODELS)
def test_what_comes_unfit_to_a_handler_fails_its_run_for_good(model: Any) -> None:
    handler = function(id="f", trigger="a/b", data=model, retries=5)(lambda event, step: 1)
    ended = run_function(handler, Event("a/b", {"name": "a", "pages": [{"number": "two"}]}))
    assert ended.status == "failed"
    assert ended.error is not None
    assert "don't fit" in ended.error["message"]
    assert "data.pages.0.number: " in ended.error["message"]


def test_the_shape_crosses_processes_and_what_is_no_model_is_refused() -> None:
    declared = function(id="f", trigger="a/b", data=Import)(lambda event, step: None)
    again = from_json(json.loads(json.dumps(to_json(declared))))
    assert again.unfit(Event("a/b", {"name": "a"})) == {"path": "data.pages", "expected": "is missing"}
    assert again.unfit(Event("a/b", GOOD)) is None
    with pytest.raises(RegistrationError, match=r"data=.*expected a dataclass, a pydantic"):
        Registry([function(id="f", trigger="a/b", data=int)(lambda event, step: None)])
    with pytest.raises(RegistrationError, match="a schedule's tick"):
        Registry([function(id="f", triggers=[Cron("* * * * *")], data=Import)(lambda event, step: None)])
