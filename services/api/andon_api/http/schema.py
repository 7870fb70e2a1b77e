"""What all shapes of the API have in common, and the one that HTTP itself has: a problem."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from andon_api.http.document.openapi import SOMETIMES

_SAID = {"null": "expected a value, found null", "required": "expected a value, found none"}


class Schema(ma.Schema):
    """camelCase outside, snake_case inside."""

    needs_body = True
    """Whether a request without a body is refused."""
    error_messages = {"type": "expected an object", "unknown": "expected no field of this name"}  # noqa: RUF012

    def __deepcopy__(self, memo: dict[int, Any]) -> Schema:
        """Itself, since nobody changes it: each decorator of a route copies the documentation of those below."""
        return self

    def on_bind_field(self, field_name: str, field_obj: Any) -> None:
        if field_obj.data_key is None:
            head, *rest = field_name.split("_")
            field_obj.data_key = head + "".join(part.title() for part in rest)
        for kind, said in _SAID.items():
            if field_obj.error_messages.get(kind) == fields.Field.default_error_messages[kind]:
                field_obj.error_messages[kind] = said
        if isinstance(field_obj, fields.List):
            field_obj.error_messages["invalid"] = "expected a list"


class ErrorEntry(Schema):
    pointer = fields.String(
        metadata={**SOMETIMES, "description": "JSON pointer to the field of the body that is wrong"}
    )
    parameter = fields.String(metadata={**SOMETIMES, "description": "the query parameter that is wrong"})
    detail = fields.String()


class ProblemSchema(Schema):
    """RFC 9457."""

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    detail = fields.String()
    code = fields.String(metadata={**SOMETIMES, "description": "the kind of problem, which stays the same"})
    thing = fields.String(metadata={**SOMETIMES, "description": "in a stream of many: the one that it is about"})
    instance = fields.String(metadata=SOMETIMES)
    errors = fields.List(fields.Nested(ErrorEntry), metadata=SOMETIMES)


def page_of(item: type[ma.Schema]) -> type[ma.Schema]:
    """The shape of a list of `item`."""
    name = item.__name__.removesuffix("Schema") + "PageSchema"
    members = {"items": fields.List(fields.Nested(item)), "next_cursor": fields.String(allow_none=True)}
    return type(name, (Schema,), members)
