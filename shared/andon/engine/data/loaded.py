"""A marshmallow schema as JSON Schema, read from its fields: marshmallow itself is never imported."""

import datetime as dt
import decimal
import uuid
from collections.abc import Mapping
from typing import Any

from andon.engine.data.shapes import Schema
from andon.engine.data.typed import PLAIN

_KINDS: Mapping[str, Any] = {
    "Boolean": bool,
    "Integer": int,
    "Float": float,
    "Decimal": decimal.Decimal,
    "String": str,
    "DateTime": dt.datetime,
    "Date": dt.date,
    "Time": dt.time,
    "UUID": uuid.UUID,
}
_BOUNDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "Range": (("min", "minimum"), ("max", "maximum")),
    "Length": (("min", "min"), ("max", "max"), ("equal", "min"), ("equal", "max")),
}


def schema_of_fields(model: Any, unknown: str | None = None) -> dict[str, Any]:
    """What may be loaded. What its validators say beyond ranges, lengths and choices, only marshmallow knows."""
    known: Mapping[str, Any] = model._declared_fields
    named = {each.data_key or name: each for name, each in known.items() if not each.dump_only}
    shape = {
        "type": "object",
        "properties": {name: _of_field(each) for name, each in named.items()},
        "required": [name for name, each in named.items() if each.required],
    }
    unknown = unknown or getattr(model, "unknown", None) or model.opts.unknown
    return {**shape, "additionalProperties": False} if unknown == "raise" else shape


def _of_field(field: Any) -> Schema:
    kinds = {*_KINDS, "List", "Nested", "Dict"}
    kind = next((each.__name__ for each in type(field).__mro__ if each.__name__ in kinds), "")
    shape: Schema = PLAIN[_KINDS[kind]] if kind in _KINDS else {}
    if kind == "List":
        shape = {"type": "array", "items": _of_field(field.inner)}
    elif kind == "Dict":
        shape = {"type": "object"}
    elif kind == "Nested":
        nested = schema_of_fields(field.schema, field.unknown)
        shape = {"type": "array", "items": nested} if field.many else nested
    for each in field.validators:
        shape = {**shape, **_bounds(each, "Items" if kind == "List" else "Length")}
    return {"anyOf": [shape, {"type": "null"}]} if field.allow_none else shape


def _bounds(validator: Any, counted: str) -> Schema:
    kind = type(validator).__name__
    if kind == "OneOf":
        return {"enum": list(validator.choices)}
    found = {}
    for name, said in _BOUNDS.get(kind, ()):
        if (bound := getattr(validator, name, None)) is None or not isinstance(bound, (int, float)):
            continue
        if kind == "Range" and not getattr(validator, f"{name}_inclusive", True):
            said = f"exclusive{said.capitalize()}"
        found[said if kind == "Range" else said + counted] = bound
    return found
