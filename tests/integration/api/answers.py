"""Every answer of the tests held to the OpenAPI document: its status, and the shape of its JSON."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema_rs
from flask import Flask, Response, request

from andon_api.http.rest import PREFIX
from tests.contract.openapi import current

JSON = {"application/json", "application/problem+json"}


def hold(app: Flask) -> None:
    """Fail a test in which `app` answers what the document doesn't name."""
    app.after_request(_check)


@cache
def _document() -> dict[str, Any]:
    return current()


@cache
def _validator(ref: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({"$ref": ref, "components": _document()["components"]})


def _check(response: Response) -> Response:
    rule = request.url_rule
    if rule is None or not rule.rule.startswith(PREFIX) or rule.endpoint.startswith(("api-docs.", "docs.")):
        return response
    path = rule.rule.replace("<path:", "<").replace("<int:", "<").replace("<", "{").replace(">", "}")
    operation = _document()["paths"][path].get(request.method.lower())
    if operation is None or response.status_code == 405:
        return response
    said = f"{request.method} {path} answers {response.status_code}"
    answer = operation["responses"].get(str(response.status_code))
    assert answer is not None, f"{said}: not in the document"
    if "$ref" in answer:
        answer = _document()["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    if response.mimetype in JSON and response.status_code != 304 and request.method != "HEAD":
        schema = answer["content"][response.mimetype]["schema"]
        faults = [
            f"{each.instance_path}: {each.message}" for each in _validator(schema["$ref"]).iter_errors(response.json)
        ]
        assert not faults, f"{said}: {faults}: {response.get_data(as_text=True)[:500]}"
    return response
