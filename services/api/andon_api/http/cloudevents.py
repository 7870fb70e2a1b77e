"""CloudEvents 1.0 in binary mode: attributes are `ce-` headers, and the body is the data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from andon_api.http.problems import Problem
from andon_api.http.strict_json import parse_json

PREFIX = "ce-"
MARK = "ce-specversion"


def read_binary(headers: Iterable[tuple[str, str]], body: bytes, media_type: str) -> dict[str, Any]:
    """The event as structured mode would have it; values are percent-encoded UTF-8. Raises a 415 or 400 `Problem`."""
    if body and not (media_type == "application/json" or media_type.endswith("+json")):
        raise Problem(415, f"expected a CloudEvent's data as application/json, got {media_type or 'none'}")
    attributes = {
        name.lower().removeprefix(PREFIX): unquote(value)
        for name, value in headers
        if name.lower().startswith(PREFIX) and name.lower() != "ce-data"
    }
    return {**attributes, **({"data": parse_json(body)} if body else {})}
