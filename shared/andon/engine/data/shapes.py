"""Whether JSON has the shape that a JSON Schema says: the part of it that models of data are made of.

What isn't known here (patterns, conditions) is let through: the model itself looks again before the handler runs.
"""

import datetime as dt
import decimal
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Schema = Mapping[str, Any]
DEEPEST = 60


class Fault(NamedTuple):
    """Where a value is wrong, as `data.pages.0.rows`, and what was expected."""

    path: str
    expected: str

    def __str__(self) -> str:
        return f"{self.path}: {self.expected}"


def fault(schema: Schema, value: Any, path: str = "data") -> Fault | None:
    """The first fault of the value, None if it fits."""
    return _Looking(schema).at(schema, value, path, 0)


class _Looking:
    def __init__(self, root: Schema) -> None:
        self._root = root

    def at(self, schema: Any, value: Any, path: str, depth: int) -> Fault | None:
        if not isinstance(schema, Mapping) or depth > DEEPEST:
            return Fault(path, "expected nothing") if schema is False else None
        if "$ref" in schema:
            return self.at(self._referred(str(schema["$ref"])), value, path, depth + 1)
        for choices in (schema.get("anyOf"), schema.get("oneOf")):
            if choices and (found := self._one_of(choices, value, path, depth)):
                return found
        for each in schema.get("allOf", ()):
            if found := self.at(each, value, path, depth + 1):
                return found
        return self._itself(schema, value, path) or self._inside(schema, value, path, depth)

    def _referred(self, reference: str) -> Any:
        found: Any = self._root
        for part in reference.removeprefix("#").split("/")[1:]:
            found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
        return found

    def _one_of(self, choices: Any, value: Any, path: str, depth: int) -> Fault | None:
        found = [self.at(each, value, path, depth + 1) for each in choices]
        if None in found:
            return None
        deepest = max((each for each in found if each), key=lambda each: len(each.path))
        if len(deepest.path) > len(path):
            return deepest
        said = [each.expected.removeprefix("expected ").partition(", got ")[0] for each in found if each]
        return Fault(path, f"expected {' or '.join(dict.fromkeys(said))}, got {_got(value)}")

    def _itself(self, schema: Schema, value: Any, path: str) -> Fault | None:
        wanted = schema.get("type")
        kinds = [wanted] if isinstance(wanted, str) else list(wanted or ())
        if kinds and not any(_KINDS[kind](value) for kind in kinds if kind in _KINDS):
            return Fault(path, f"expected {' or '.join(_NAMES.get(kind, kind) for kind in kinds)}, got {_got(value)}")
        if "const" in schema and value != schema["const"]:
            return Fault(path, f"expected {schema['const']!r}")
        if "enum" in schema and value not in schema["enum"]:
            return Fault(path, f"expected one of {', '.join(map(repr, schema['enum']))[:300]}")
        for name, (applies, fits, says) in _BOUNDS.items():
            if name in schema and applies(value) and not fits(value, schema[name]):
                return Fault(path, says.format(schema[name]))
        reads = _FORMATS.get(str(schema.get("format")))
        if reads and isinstance(value, str):
            try:
                reads(value)
            except ValueError:
                return Fault(path, f"expected a {schema['format']}")
        return None

    def _inside(self, schema: Schema, value: Any, path: str, depth: int) -> Fault | None:
        if isinstance(value, Mapping):
            return self._fields(schema, value, path, depth)
        if isinstance(value, list):
            first = list(schema.get("prefixItems", ()))
            for place, item in enumerate(value):
                shape = first[place] if place < len(first) else schema.get("items")
                if found := self.at(shape, item, f"{path}.{place}", depth + 1):
                    return found
        return None

    def _fields(self, schema: Schema, value: Mapping[str, Any], path: str, depth: int) -> Fault | None:
        for name in schema.get("required", ()):
            if name not in value:
                return Fault(f"{path}.{name}", "is missing")
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        for name, item in value.items():
            if name not in known and others is False:
                return Fault(f"{path}.{name}", "is no field that is known")
            if found := self.at(known.get(name, others), item, f"{path}.{name}", depth + 1):
                return found
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _got(value: Any) -> str:
    return next((_NAMES.get(kind, kind) for kind, fits in _KINDS.items() if fits(value)), type(value).__name__)


def _decimal(text: str) -> None:
    try:
        decimal.Decimal(text)
    except decimal.InvalidOperation:
        raise ValueError from None


_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_number(value) and float(value).is_integer(),
    "number": _is_number,
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, Mapping),
}
_NAMES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "array": "a list",
    "object": "an object",
    "boolean": "true or false",
}
_BOUNDS: Mapping[str, tuple[Callable[[Any], bool], Callable[[Any, Any], bool], str]] = {
    "minimum": (_is_number, lambda value, bound: value >= bound, "expected at least {}"),
    "maximum": (_is_number, lambda value, bound: value <= bound, "expected at most {}"),
    "exclusiveMinimum": (_is_number, lambda value, bound: value > bound, "expected more than {}"),
    "exclusiveMaximum": (_is_number, lambda value, bound: value < bound, "expected less than {}"),
    "minLength": (
        lambda value: isinstance(value, str),
        lambda value, n: len(value) >= n,
        "expected {} characters or more",
    ),
    "maxLength": (
        lambda value: isinstance(value, str),
        lambda value, n: len(value) <= n,
        "expected {} characters at most",
    ),
    "minItems": (lambda value: isinstance(value, list), lambda value, n: len(value) >= n, "expected {} items or more"),
    "maxItems": (lambda value: isinstance(value, list), lambda value, n: len(value) <= n, "expected {} items at most"),
}
_FORMATS: Mapping[str, Callable[[str], Any]] = {
    "date-time": dt.datetime.fromisoformat,
    "date": dt.date.fromisoformat,
    "time": dt.time.fromisoformat,
    "uuid": uuid.UUID,
    "decimal": _decimal,
}
