"""Marshmallow's fields without their kindness: what isn't a boolean, number or text is refused, not made into one."""

import datetime as dt
import re
import uuid
from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import fields

from andon.engine import durations
from andon.engine.ids import parse_id
from andon.engine.storable import json_fault, text_fault, time_fault

LONGEST_TEXT = 2000  # of a text with no limit of its own
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def rfc3339(value: dt.datetime) -> str:
    """A time in UTC with microseconds and `Z`."""
    return value.astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Text(fields.String):
    """A text that can be stored."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ma.ValidationError("expected a text")
        if fault := text_fault(value):
            raise ma.ValidationError(fault)
        if len(value) > LONGEST_TEXT:
            raise ma.ValidationError(f"expected at most {LONGEST_TEXT} characters")
        return value


class Flag(fields.Boolean):
    """`true` or `false`, and nothing that looks like one."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ma.ValidationError("expected true or false")
        return value


class QueryFlag(fields.Boolean):
    """`true` or `false` in a query, or `1` or `0`."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if value not in {"true", "false", "1", "0"}:
            raise ma.ValidationError("expected true or false")
        return value in {"true", "1"}


class Number(fields.Integer):
    """A whole number in JSON."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**53:
            raise ma.ValidationError("expected a whole number")
        return value


class QueryNumber(fields.Integer):
    """A whole number in a query: digits."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if not isinstance(value, str) or not _WHOLE.fullmatch(value):
            raise ma.ValidationError("expected a whole number")
        return int(value)


class Id(fields.UUID):
    """A UUID."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> uuid.UUID:
        found = parse_id(value)
        if found is None:
            raise ma.ValidationError("expected a UUID")
        return found


class Object(fields.Dict):
    """A JSON object that can be stored."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise ma.ValidationError("expected an object")
        if fault := json_fault(value):
            raise ma.ValidationError(fault)
        return value


class Duration(fields.String):
    """A duration such as `30d`, read into a `timedelta`."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not isinstance(value, str):
            raise ma.ValidationError("expected a text such as 30d")
        try:
            return durations.read(value)
        except ValueError as error:
            raise ma.ValidationError(str(error)) from None


class Time(fields.AwareDateTime):
    """RFC 3339: in with any zone, out in UTC with microseconds."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=dt.UTC, **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else rfc3339(value)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> dt.datetime:
        if isinstance(value, str) and _TIME.fullmatch(value):
            try:
                moment = dt.datetime.fromisoformat(value.upper().replace(" ", "T"))
            except ValueError:
                pass
            else:
                if fault := time_fault(moment):
                    raise ma.ValidationError(fault)
                return moment.astimezone(dt.UTC)
        raise ma.ValidationError("expected a time with its zone, as RFC 3339 has it")
