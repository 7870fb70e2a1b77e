"""What an event's data are to be: a dataclass, a pydantic model or a marshmallow schema, which needn't be installed.

`schema_of` says it as JSON Schema, for those who accept events and have none of the team's code; `reading` makes a
handler get the data as the model.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import functools
import inspect
import types
import typing
import uuid
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from andon.engine.data.shapes import Schema, fault
from andon.engine.errors import NonRetriable
from andon.engine.events import Event

T = TypeVar("T")
_PLAIN: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    dt.datetime: {"type": "string", "format": "date-time"},
    dt.date: {"type": "string", "format": "date"},
    uuid.UUID: {"type": "string", "format": "uuid"},
}
_MARSHMALLOW = {
    "Boolean": bool,
    "Integer": int,
    "Float": float,
    "String": str,
    "Email": str,
    "Url": str,
    "DateTime": dt.datetime,
    "Date": dt.date,
    "UUID": uuid.UUID,
}


def schema_of(model: Any) -> dict[str, Any]:
    """The model as JSON Schema. Raises `TypeError`, saying what was expected, for what is none."""
    if hasattr(model, "model_json_schema"):
        return dict(model.model_json_schema())
    if hasattr(model, "_declared_fields"):
        return _of_marshmallow(model)
    if isinstance(model, type) and dataclasses.is_dataclass(model):
        return _of_dataclass(model)
    raise TypeError("expected a dataclass, a pydantic model or a marshmallow schema")


def reading(handler: T, model: Any) -> T:
    """The handler, given the event's data as the model. What doesn't fit fails the run for good, with the path."""
    if model is None or not callable(handler):
        return handler
    if inspect.iscoroutinefunction(handler):

        @functools.wraps(handler)
        async def read_later(event: Event[Any], step: Any) -> Any:
            return await handler(read(event, model), step)

        return cast(T, read_later)

    @functools.wraps(handler)
    def read_first(event: Event[Any], step: Any) -> Any:
        return handler(read(event, model), step)

    return cast(T, read_first)


def read(event: Event[Any], model: Any) -> Event[Any]:
    """The event with its data as the model; raises `NonRetriable` where they don't fit."""
    if not isinstance(event.data, Mapping):
        return event
    try:
        return dataclasses.replace(event, data=_load(model, dict(event.data)))
    except Exception as error:
        raise NonRetriable(f"The event's data don't fit {_name(model)}: {_told(error)}") from error


def _load(model: Any, data: dict[str, Any]) -> Any:
    if hasattr(model, "model_validate"):
        return model.model_validate(data)
    if hasattr(model, "_declared_fields"):
        return (model() if isinstance(model, type) else model).load(data)
    if (wrong := fault(_of_dataclass(model), data)) is not None:
        raise ValueError(str(wrong))
    return _made(model, data)


def _told(error: Exception) -> str:
    errors = getattr(error, "errors", None)
    if callable(errors) and (first := next(iter(errors()), None)):  # pydantic's
        return f"{'.'.join(['data', *map(str, first['loc'])])}: {first['msg']}"
    return str(getattr(error, "messages", None) or error)


def _name(model: Any) -> str:
    return str(getattr(model, "__name__", None) or type(model).__name__)


# --- dataclasses -----------------------------------------------------------------------------------------------------


def _of_dataclass(model: type) -> dict[str, Any]:
    hints = typing.get_type_hints(model)
    known = [each for each in dataclasses.fields(model) if each.init]
    required = [
        each.name
        for each in known
        if each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
    ]
    return {
        "type": "object",
        "properties": {each.name: _of_type(hints[each.name]) for each in known},
        "required": required,
    }


def _of_type(hint: Any) -> Schema:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_of_type(each) for each in inner]}
    if origin is typing.Literal:
        return {"enum": list(inner)}
    if origin in (list, tuple, set):
        return {"type": "array", "items": _of_type(inner[0]) if inner else {}}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _of_type(inner[1])}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [each.value for each in hint]}
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _of_dataclass(hint)
    return {}


def _made(hint: Any, value: Any) -> Any:
    """A value that has the shape, as the type."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return next((_made(each, value) for each in inner if fault(_of_type(each), value) is None), value)
    if origin in (list, tuple, set) and inner:
        return origin(_made(inner[0], each) for each in value)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return {name: _made(inner[1], each) for name, each in value.items()}
    if hint in (dt.datetime, dt.date):
        return hint.fromisoformat(value)
    if hint is float:
        return float(value)
    if isinstance(hint, type) and (hint is uuid.UUID or issubclass(hint, enum.Enum)):
        return hint(value)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        names = [each.name for each in dataclasses.fields(hint) if each.init and each.name in value]
        return hint(**{name: _made(hints[name], value[name]) for name in names})
    return value


# --- marshmallow -----------------------------------------------------------------------------------------------------


def _of_marshmallow(model: Any) -> dict[str, Any]:
    known: Mapping[str, Any] = model._declared_fields
    named = {each.data_key or name: each for name, each in known.items() if not each.dump_only}
    return {
        "type": "object",
        "properties": {name: _of_field(each) for name, each in named.items()},
        "required": [name for name, each in named.items() if each.required],
    }


def _of_field(field: Any) -> Schema:
    kinds = {*_MARSHMALLOW, "List", "Nested"}
    kind = next((each.__name__ for each in type(field).__mro__ if each.__name__ in kinds), "")
    shape: Schema = _PLAIN[_MARSHMALLOW[kind]] if kind in _MARSHMALLOW else {}
    if kind == "List":
        shape = {"type": "array", "items": _of_field(field.inner)}
    elif kind == "Nested":
        nested = _of_marshmallow(field.schema)
        shape = {"type": "array", "items": nested} if field.many else nested
    return {"anyOf": [shape, {"type": "null"}]} if field.allow_none else shape
