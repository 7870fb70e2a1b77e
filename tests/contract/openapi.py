"""The released OpenAPI document, what a later one may not take away. `python -m tests.contract.openapi` writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from andon.settings import Settings
from andon_api.app import create_app

RELEASED = Path(__file__).with_name("openapi.json")
METHODS = ("get", "post", "patch", "put", "delete")


def current() -> dict[str, Any]:
    """The document that the code makes now."""
    document: dict[str, Any] = create_app(Settings()).test_client().get("/api/v1/openapi.json").get_json()
    return document


def promises(document: dict[str, Any]) -> set[str]:
    """All that a client may rely on, as lines that say it."""
    return {line for path, item in document["paths"].items() for line in _of_path(path, item, document)} | {
        line for name, schema in document["components"]["schemas"].items() for line in _of_schema(name, schema)
    }


def _of_path(path: str, item: dict[str, Any], document: dict[str, Any]) -> Iterator[str]:
    for method in METHODS:
        if method not in item:
            continue
        operation = item[method]
        yield f"{method.upper()} {path}"
        for each in [*item.get("parameters", []), *operation.get("parameters", [])]:
            if "$ref" not in each:
                yield f"{method.upper()} {path} takes {each['in']} {each['name']}"
        for media in operation.get("requestBody", {}).get("content", {}):
            yield f"{method.upper()} {path} reads {media}"
        for status, named in operation["responses"].items():
            yield f"{method.upper()} {path} answers {status}"
            answer = document["components"]["responses"][named["$ref"].rpartition("/")[2]] if "$ref" in named else named
            for media, content in answer.get("content", {}).items():
                yield f"{method.upper()} {path} answers {status} {media} {content.get('schema', {}).get('$ref', '')}"


def _of_schema(name: str, schema: dict[str, Any]) -> Iterator[str]:
    for field, each in schema.get("properties", {}).items():
        yield f"{name}.{field}: {_kind(each)}"


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "items" in schema:
        return f"list of {_kind(schema['items'])}"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(sorted(_kind(each) for each in schema[several]))
    kind = schema.get("type", "anything")
    return " or ".join(sorted(kind)) if isinstance(kind, list) else str(kind)


def demands(document: dict[str, Any]) -> set[str]:
    """What a client must give: a later document may not ask for more."""
    fields = {
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        if name in _read(document)
        for field in schema.get("required", [])
    }
    parameters = {
        f"{method.upper()} {path} {each['name']}"
        for path, item in document["paths"].items()
        for method in METHODS
        for each in item.get(method, {}).get("parameters", [])
        if each.get("required") and each["in"] != "path"
    }
    return fields | parameters


def _read(document: dict[str, Any]) -> set[str]:
    """The shapes of what clients send."""
    return {
        content["schema"]["$ref"].rpartition("/")[2]
        for item in document["paths"].values()
        for method in METHODS
        for content in item.get(method, {}).get("requestBody", {}).get("content", {}).values()
        if "$ref" in content["schema"]
    }


if __name__ == "__main__":
    RELEASED.write_text(json.dumps(current(), indent=1, sort_keys=True) + "\n")
