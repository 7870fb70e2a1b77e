"""`/docs`: the OpenAPI document as one page, rendered here, so that it works offline and without scripts.

And the AsyncAPI document of the bus, at `/api/v1/asyncapi.json`.
"""

from typing import Any

from flask import Blueprint, jsonify, render_template
from flask.wrappers import Response

from andon_api.http import problems
from andon_api.http.rest import PREFIX, Api
from andon_api.routes import asyncapi

METHODS = ("get", "post", "patch", "put", "delete")


def blueprint(api: Api) -> Blueprint:
    """The docs page of `api`."""
    made = Blueprint("docs", __name__)

    @made.get("/docs")
    def page() -> str:
        spec = api.document
        return render_template("docs.html", spec=spec, groups=_groups(spec), schemas=spec["components"]["schemas"])

    @made.get("/problems/<code>")
    def problem(code: str) -> str:
        kind = problems.KINDS.get(code)
        if kind is None:
            raise problems.Problem(404, "There is no problem of this name.")
        return render_template("problem.html", code=code, kind=kind, phrase=problems.phrase(kind.status))

    @made.get(f"{PREFIX}/asyncapi.json")
    def bus() -> Response:
        return jsonify(asyncapi.document())

    return made


def _groups(spec: dict[str, Any]) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """The operations under their tags, in the order of the document."""
    operations = [
        {
            **item[method],
            "method": method.upper(),
            "path": path,
            "parameters": _parameters(item, item[method]),
        }
        for path, item in spec["paths"].items()
        for method in METHODS
        if method in item
    ]
    return [(tag, [each for each in operations if tag["name"] in each.get("tags", [])]) for tag in spec["tags"]]


def _parameters(item: dict[str, Any], operation: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in [*item.get("parameters", []), *operation.get("parameters", [])] if "$ref" not in each]
