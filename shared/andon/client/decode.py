"""JSON in camelCase as frozen dataclasses in snake_case. What this version doesn't know is kept in `raw`."""

import dataclasses
import datetime as dt
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T", bound="Resource")
OURS = ("raw", "etag")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resource:
    """Something that the API shows. `raw` is its JSON as it came, `etag` what names its version where it was read by
    itself and has one: both compare and print as nothing.
    """

    raw: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False, compare=False)
    etag: str | None = dataclasses.field(default=None, repr=False, compare=False)


def decode(kind: type[T], shown: Mapping[str, Any], etag: str | None = None) -> T:
    """`shown` as a `kind`. A field that is missing is what the class has as its default."""
    values: dict[str, Any] = {"raw": shown, "etag": etag}
    hashable: Any = kind
    for name, key, hint in _fields(hashable):
        if key in shown:
            values[name] = _value(hint, shown[key])
    return kind(**values)


@cache
def _fields(kind: Any) -> list[tuple[str, str, Any]]:
    hints = typing.get_type_hints(kind)
    named = [(field.name, field.metadata.get("json")) for field in dataclasses.fields(kind) if field.name not in OURS]
    return [(name, key or _camel(name), hints[name]) for name, key in named]


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def _value(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        hint = next(each for each in typing.get_args(hint) if each is not types.NoneType)
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)[0]
        return tuple(_value(inner, each) for each in value)
    if hint is dt.datetime:
        return dt.datetime.fromisoformat(value)
    if isinstance(hint, type) and issubclass(hint, Resource):
        return decode(hint, value)
    return value
