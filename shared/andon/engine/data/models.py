"""What an event's data are to be: a dataclass, a pydantic model or a marshmallow schema, which needn't be installed.

`schema_of` says it as JSON Schema, for those who accept events and have none of the team's code; `reading` makes a
handler get the data as the model.
"""

import dataclasses
import functools
import inspect
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from andon.engine.data.loaded import schema_of_fields
from andon.engine.data.shapes import fault
from andon.engine.data.typed import made, schema_of_type
from andon.engine.errors import NonRetriable
from andon.engine.events import Event

T = TypeVar("T")


class NoModel(TypeError):
    """What is no model of data."""


def schema_of(model: Any) -> dict[str, Any]:
    """The model as JSON Schema. Raises `NoModel` for what is none, and `TypeError`, which names the field, where it has
    one that can't be read from JSON.
    """
    if hasattr(model, "model_json_schema"):
        return dict(model.model_json_schema())
    if hasattr(model, "_declared_fields"):
        return schema_of_fields(model)
    if isinstance(model, type) and dataclasses.is_dataclass(model):
        return schema_of_type(model)
    raise NoModel("expected a dataclass, a pydantic model or a marshmallow schema")


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
    if (wrong := fault(schema_of_type(model), data)) is not None:
        raise ValueError(str(wrong))
    return made(model, data)


def _told(error: Exception) -> str:
    errors = getattr(error, "errors", None)
    if callable(errors) and (first := next(iter(errors()), None)):  # pydantic's
        return f"{'.'.join(['data', *map(str, first['loc'])])}: {first['msg']}"
    said, place = getattr(error, "messages", None) or str(error), ["data"]
    while isinstance(said, Mapping) and said:  # marshmallow's
        name, said = next(iter(said.items()))
        place += [] if name == "_schema" else [str(name)]
    said = " ".join(map(str, said)) if isinstance(said, list) else str(said)
    return f"{'.'.join(place)}: {said}" if hasattr(error, "messages") else said


def _name(model: Any) -> str:
    return str(getattr(model, "__name__", None) or type(model).__name__)
