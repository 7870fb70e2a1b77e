"""The OpenAPI document made fit to generate clients from: what every operation has is said of each, once, here.

Fields of answers are required unless they are marked `SOMETIMES`; answers of the tests are checked against that.
"""

from collections.abc import Iterator
from typing import Any

from andon_api.http import problems
from andon_api.http.document import event_shapes, examples

SOMETIMES = {"x-sometimes": True}  # metadata of a field that an answer may be without
METHODS = ("get", "post", "patch", "put", "delete")
HEADERS = "x-headers"  # of an operation, until the document is finished
_VERBS = {"listed": "list", "one": "get", "change": "update"}
_NAMES = {
    "runs.delete": "deleteRun",
    "runs.rerun": "rerunRun",
    "runs.steps": "listRunSteps",
    "runs.step": "getRunStep",
    "runs.output": "getRunOutput",
    "events.send": "sendEvents",
    "events.dead": "listDeadEvents",
    "events.replay_dead": "replayDeadEvent",
    "cancellations.start": "cancelRuns",
    "audit.listed": "listAudit",
    "usage.mine": "getUsage",
    "keeping.mine": "getKeeping",
    "keeping.change": "updateKeeping",
    "artifacts.download_of_run": "downloadRunArtifact",
    "streams.report": "streamReport",
    "streams.run": "streamRun",
    "streams.subject": "streamSubject",
    "streams.many": "streamMany",
    "tokens.of_report": "createReportToken",
    "tokens.of_run": "createRunToken",
    "tokens.of_subject": "createSubjectToken",
    "subjects.ask": "requestSubject",
    "webhooks.finish": "finishWebhookRotation",
    "webhooks.deliveries": "listWebhookDeliveries",
    "webhooks.resend": "resendWebhookDelivery",
    "tokens.of_many": "createToken",
    "tokens.revoke": "revokeToken",
}
_IN_QUERY = ("streamReport", "streamRun", "streamSubject", "streamMany", "downloadArtifact")  # where `?token=` is taken
_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key, `andon_...`; in a page a token, `andont_...`",
    },
    "token": {"type": "apiKey", "in": "query", "name": "token", "description": "A token, where no header can be sent"},
}


def operation_id(group: str, view: str) -> str:
    """What generated code calls the operation: a verb and a noun."""
    if name := _NAMES.get(f"{group}.{view}"):
        return name
    noun = "".join(part.title() for part in group.replace("-", "_").split("_"))
    one = noun if view == "listed" else noun.removesuffix("s")
    verb, *rest = _VERBS.get(view, view).split("_")
    return verb + "".join(part.title() for part in rest) + one


def finish(document: dict[str, Any]) -> dict[str, Any]:
    """The document with what holds for all of it."""
    document["servers"] = [{"url": "/", "description": "where this document was loaded from"}]
    document["security"] = [{"bearer": []}]
    components = document["components"]
    components["securitySchemes"] = _SCHEMES
    components["responses"] = {f"Problem{status}": _problem(status) for status in problems.STATUSES}
    schemas = components["schemas"]
    schemas.pop("PaginationMetadata", None)
    document["webhooks"] = event_shapes.WEBHOOKS
    for path, method, operation in _operations(document):
        _finish_operation(path, method, operation)
    asked = _reached(document, schemas, "requestBody")
    for name, schema in schemas.items():
        (_finish_asked if name in asked else _finish_shown)(schema)
    schemas.update((name, event_shapes.SHAPES[name]) for name in event_shapes.IN_REST)
    _finish_problem(schemas["Problem"])
    examples.add_to(document)
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def _finish_operation(path: str, method: str, operation: dict[str, Any]) -> None:
    operation.setdefault("parameters", []).extend(operation.pop(HEADERS, []))
    operation.setdefault("description", operation.get("summary", ""))
    answers = operation["responses"]
    answers.pop("default", None)
    known = {status for status in answers if status >= "400"}
    always = {"400", "401", "403", "412", "422", "429", "500", "503"}
    for each in operation["parameters"]:
        if each.get("in") == "query":
            _finish_query(each)
    wanted = known | always | ({"413", "415"} if method != "get" else set())
    if "{" in path:
        wanted.add("404")
    if any(each.get("name") == "Idempotency-Key" for each in operation["parameters"]):
        wanted.add("409")
    for status in wanted:
        answers[status] = {"$ref": f"#/components/responses/Problem{status}"}
    operation["responses"] = dict(sorted(answers.items()))
    if operation["operationId"] in _IN_QUERY:
        operation["security"] = [{"bearer": []}, {"token": []}]


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": problems.phrase(status), "content": {problems.MEDIA_TYPE: {"schema": schema}}}


def _reached(document: dict[str, Any], schemas: dict[str, Any], part: str) -> set[str]:
    """The schemas that this part of any operation leads to."""
    found: set[str] = set()
    ahead = [operation.get(part, {}) for _, _, operation in _operations(document)]
    while ahead:
        each = ahead.pop()
        if isinstance(each, dict):
            name = str(each.get("$ref", "")).rpartition("/schemas/")[2]
            if name in schemas and name not in found:
                found.add(name)
                ahead.append(schemas[name])
            ahead.extend(each.values())
        elif isinstance(each, list):
            ahead.extend(each)
    return found


def _finish_asked(schema: dict[str, Any]) -> None:
    """What a client may leave out, it may: by a `default`, generators take it that a field is always there."""
    for field in schema.get("properties", {}).values():
        if field.pop("default", None) is not None:
            field.setdefault("description", "may be left out")


def _finish_query(parameter: dict[str, Any]) -> None:
    """Nothing in a query is null: it is left out."""
    schema = parameter["schema"]
    if "null" in schema.get("type", ()):
        [schema["type"]] = set(schema["type"]) - {"null"}
    if "enum" in schema:
        schema["enum"] = [each for each in schema["enum"] if each is not None]
    if schema.get("default", "") is None:
        del schema["default"]


def _finish_shown(schema: dict[str, Any]) -> None:
    """An answer has all of its fields but those that are there sometimes, and a later version may show more."""
    schema.pop("additionalProperties", None)
    fields = schema.get("properties", {})
    required = [name for name, each in fields.items() if not each.pop("x-sometimes", False)]
    if required:
        schema["required"] = required


def _finish_problem(schema: dict[str, Any]) -> None:
    schema["properties"]["code"]["enum"] = sorted(problems.KINDS)
    schema["properties"]["type"]["format"] = "uri-reference"
