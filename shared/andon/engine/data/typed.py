"""Dataclasses, and the types of their fields: as JSON Schema, and JSON as what they say."""

import collections.abc
import dataclasses
import datetime as dt
import decimal
import enum
import types
import typing
import uuid
from collections.abc import Mapping
from typing import Any

from andon.engine.data.shapes import Schema, fault

PLAIN: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    dt.datetime: {"type": "string", "format": "date-time"},
    dt.date: {"type": "string", "format": "date"},
    dt.time: {"type": "string", "format": "time"},
    uuid.UUID: {"type": "string", "format": "uuid"},
    decimal.Decimal: {"type": ["number", "string"], "format": "decimal"},
    Any: {},
    object: {},
}
_READERS: Mapping[Any, typing.Callable[[Any], Any]] = {
    int: int,
    float: float,
    dt.datetime: dt.datetime.fromisoformat,
    dt.date: dt.date.fromisoformat,
    dt.time: dt.time.fromisoformat,
    uuid.UUID: uuid.UUID,
    decimal.Decimal: lambda value: decimal.Decimal(str(value)),
}
_LISTS = (list, set, frozenset, tuple)
_WHETHER = (typing.Required, typing.NotRequired)
_ABSTRACT = (collections.abc.Collection, collections.abc.Iterable)  # a list will do for these


class Unreadable(TypeError):
    """JSON can't be read as the type of a field."""


def schema_of_type(hint: Any) -> dict[str, Any]:
    """JSON Schema of a dataclass, or another type. Raises `Unreadable`, naming the field, for what JSON can't be."""
    describing = _Describing()
    shape = dict(describing.of(hint))
    return {**shape, "$defs": describing.shared} if describing.shared else shape


class _Describing:
    """A dataclass that holds itself, at whatever depth, is shared, and referred to."""

    def __init__(self) -> None:
        self.shared: dict[str, Any] = {}
        self._within: list[type] = []

    def _dataclass(self, model: type) -> dict[str, Any]:
        if model in self._within:
            self.shared.setdefault(model.__qualname__, {})
            return {"$ref": f"#/$defs/{model.__qualname__}"}
        self._within.append(model)
        known = _fields(model)
        shape = {
            "type": "object",
            "properties": {name: self._field(model, name, hint) for name, (hint, _) in known.items()},
            "required": [name for name, (_, required) in known.items() if required],
        }
        self._within.pop()
        if model.__qualname__ in self.shared:
            self.shared[model.__qualname__] = shape
        return shape

    def _field(self, model: type, name: str, hint: Any) -> Schema:
        try:
            return self.of(hint)
        except Unreadable:
            raise
        except TypeError as error:
            raise Unreadable(f"{model.__qualname__}.{name}: {error}") from None

    def of(self, hint: Any) -> Schema:
        """A type's JSON Schema."""
        hint = _itself(hint)
        origin, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
        if _hashable(hint) and hint in PLAIN:
            return PLAIN[hint]
        if origin in (typing.Union, types.UnionType):
            return {"anyOf": [self.of(each) for each in inner]}
        if origin is typing.Literal:
            return {"enum": list(inner)}
        if origin is tuple and inner and inner[-1] is not Ellipsis:
            each = [self.of(one) for one in inner]
            return {"type": "array", "prefixItems": each, "minItems": len(each), "maxItems": len(each)}
        if isinstance(origin, type):
            return self._of_class(origin, inner)
        if isinstance(hint, typing.TypeVar):
            return {}
        raise TypeError(f"JSON can't be read as {hint!r}")

    def _of_class(self, kind: type, inner: tuple[Any, ...]) -> Schema:
        if issubclass(kind, enum.Enum):
            return {"enum": [each.value for each in kind]}
        if hasattr(kind, "model_validate"):  # pydantic's looks for itself
            return {"type": "object"}
        if dataclasses.is_dataclass(kind):
            return self._dataclass(kind)
        if typing.is_typeddict(kind):
            hints = typing.get_type_hints(kind)
            properties = {name: self._field(kind, name, hint) for name, hint in hints.items()}
            return {"type": "object", "properties": properties, "required": _required(kind)}
        if issubclass(kind, Mapping):
            if inner and _itself(inner[0]) not in (str, Any):
                raise TypeError(f"JSON's keys are texts, not {inner[0]!r}")
            return {"type": "object", **({"additionalProperties": self.of(inner[1])} if inner else {})}
        if kind in _LISTS or (kind.__module__ == "collections.abc" and issubclass(kind, _ABSTRACT)):
            return {"type": "array", **({"items": self.of(inner[0])} if inner else {})}
        raise TypeError(f"JSON can't be read as {kind.__qualname__}")


def made(hint: Any, value: Any) -> Any:
    """A value that has the shape, as the type."""
    hint = _itself(hint)
    origin, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
    if _hashable(hint) and hint in PLAIN:
        return _READERS[hint](value) if hint in _READERS else value
    if origin in (typing.Union, types.UnionType):
        fits = (each for each in inner if fault(schema_of_type(each), value) is None)
        return next((made(each, value) for each in fits), value)
    if not isinstance(origin, type):
        return value
    if issubclass(origin, enum.Enum):
        return origin(value)
    if hasattr(origin, "model_validate"):
        return origin.model_validate(value)
    if dataclasses.is_dataclass(origin):
        known = _fields(origin)
        return origin(**{name: made(hint, value[name]) for name, (hint, _) in known.items() if name in value})
    if typing.is_typeddict(origin):
        hints = typing.get_type_hints(origin)
        return {name: made(hints[name], each) if name in hints else each for name, each in value.items()}
    if issubclass(origin, Mapping):
        return {name: made(inner[1], each) for name, each in value.items()} if inner else value
    if isinstance(value, list):
        return _listed(origin, inner, value)
    return value


def _listed(kind: type, inner: tuple[Any, ...], value: list[Any]) -> Any:
    if kind is tuple and inner and inner[-1] is not Ellipsis:
        return tuple(made(each, item) for each, item in zip(inner, value, strict=True))
    items = [made(inner[0], item) for item in value] if inner else value
    return kind(items) if kind in _LISTS else items


def _fields(model: type) -> dict[str, tuple[Any, bool]]:
    """The fields that its constructor takes, with their types, and whether they have to be there."""
    hints = typing.get_type_hints(model)
    missing = dataclasses.MISSING
    return {
        each.name: (hints[each.name], each.default is missing and each.default_factory is missing)
        for each in dataclasses.fields(model)
        if each.init
    }


def _required(kind: Any) -> list[str]:
    """The keys that a `TypedDict` must have; what it knows of them itself is wrong where annotations are texts."""
    said = {name: typing.get_origin(hint) for name, hint in typing.get_type_hints(kind, include_extras=True).items()}
    usual = typing.Required if kind.__total__ else typing.NotRequired
    return [name for name, origin in said.items() if (origin if origin in _WHETHER else usual) is typing.Required]


def _itself(hint: Any) -> Any:
    """What a `NewType`, or a name of a type, stands for."""
    while isinstance(hint, typing.NewType) or type(hint).__name__ == "TypeAliasType":
        hint = hint.__supertype__ if isinstance(hint, typing.NewType) else hint.__value__
    return hint


def _hashable(hint: Any) -> bool:
    try:
        hash(hint)
    except TypeError:
        return False
    return True
