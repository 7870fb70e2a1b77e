"""`data=`: a dataclass, a pydantic model or a marshmallow schema, as JSON Schema and for the handler."""

from __future__ import annotations

import datetime as dt
import enum
import json
from dataclasses import dataclass, field
from typing import Any, Literal

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
GOOD: dict[str, Any] = {"name": "a", "pages": [{"number": 1}, {"number": 2}], "extra": True}


@pytest.mark.parametrize("model", MODELS)
def test_what_fits_has_no_fault_and_what_does_not_is_named_by_its_path(model: Any) -> None:
    schema = json.loads(json.dumps(schema_of(model)))
    assert fault(schema, GOOD) is None
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
        ({**GOOD, "at": "noon"}, "data.at: expected a date-time or expected null, got a text"),
        ({**GOOD, "weights": {"a": "heavy"}}, "data.weights.a: expected a number, got a text"),
        ({**GOOD, "pages": [{"number": True}]}, "data.pages.0.number: expected a whole number, got true or false"),
    ],
)
def test_types_of_dataclasses_are_looked_into(data: dict[str, Any], said: str) -> None:
    assert str(fault(schema_of(Import), data)) == said


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

    good = {name: GOOD[name] for name in ("name", "pages")}
    assert run_function(plain, Event("a/b", good)).output == 2
    assert run_function(later, Event("a/b", good)).output == 2


@pytest.mark.parametrize("model", MODELS)
def test_what_comes_unfit_to_a_handler_fails_its_run_for_good(model: Any) -> None:
    handler = function(id="f", trigger="a/b", data=model, retries=5)(lambda event, step: 1)
    ended = run_function(handler, Event("a/b", {"name": "a", "pages": [{"number": "two"}]}))
    assert ended.status == "failed"
    assert ended.error is not None
    assert "don't fit" in ended.error["message"]
    assert "pages" in ended.error["message"]


def test_the_shape_crosses_processes_and_what_is_no_model_is_refused() -> None:
    declared = function(id="f", trigger="a/b", data=Import)(lambda event, step: None)
    again = from_json(json.loads(json.dumps(to_json(declared))))
    assert again.unfit(Event("a/b", {"name": "a"})) == {"path": "data.pages", "expected": "is missing"}
    assert again.unfit(Event("a/b", GOOD)) is None
    with pytest.raises(RegistrationError, match=r"data=.*expected a dataclass, a pydantic"):
        Registry([function(id="f", trigger="a/b", data=int)(lambda event, step: None)])
    with pytest.raises(RegistrationError, match="a schedule's tick"):
        Registry([function(id="f", triggers=[Cron("* * * * *")], data=Import)(lambda event, step: None)])
