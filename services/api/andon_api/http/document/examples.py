"""One example of each shape, shown in the OpenAPI document."""

from typing import Any

REPORT = "0199e0a1-7c00-7000-8000-000000000001"
DATASET = "0199e0a1-7c00-7000-8000-000000000002"
RUN = "0199e0a1-7c00-7000-8000-000000000003"
EVENT = "0199e0a1-7c00-7000-8000-000000000004"
WHEN = "2026-01-01T12:00:00.000000Z"
ADA = {"id": "ada"}
_TRIGGER = {
    "id": EVENT,
    "name": "report/generation.requested",
    "data": {"reportId": REPORT, "datasetId": DATASET, "options": {}},
    "ts": WHEN,
    "user": ADA,
}
_CANCEL = {
    "requestedAt": "2026-01-01T12:03:00.000000Z",
    "requestedBy": ADA,
    "reason": "the wrong file",
    "eventId": "0199e0a1-7c00-7000-8000-000000000005",
    "stoppedAt": "2026-01-01T12:03:00.004000Z",
    "settledAt": "2026-01-01T12:03:00.009000Z",
}
_RUN: dict[str, Any] = {
    "id": RUN,
    "functionId": "generate-hybrid-report",
    "kind": "function",
    "status": "cancelled",
    "event": _TRIGGER,
    "reportId": REPORT,
    "tags": ["userId:42"],
    "attempt": 1,
    "queuedAt": WHEN,
    "startedAt": "2026-01-01T12:00:00.020000Z",
    "endedAt": "2026-01-01T12:03:00.009000Z",
    "currentStep": "correlations",
    "progress": 0.4,
    "cancel": _CANCEL,
}
_SKIP = {
    "functionId": "notify-owner",
    "reason": "rate_limited",
    "why": "its rate limit was reached",
    "at": WHEN,
}

EXAMPLES: dict[str, Any] = {
    "NewReport": {"title": "Flights from New York", "datasetId": DATASET, "options": {"resamples": 2000}},
    "ReportChange": {"title": "Flights from New York, 2013"},
    "Report": {
        "id": REPORT,
        "title": "Flights from New York",
        "status": "generated",
        "datasetId": DATASET,
        "options": {"resamples": 2000},
        "progress": 1.0,
        "artifacts": [
            {
                "name": "report.html",
                "bytes": 412_000,
                "mediaType": "text/html",
                "url": f"/api/v1/reports/{REPORT}/artifacts/report.html",
            }
        ],
        "createdBy": ADA,
        "requestedBy": ADA,
        "createdAt": WHEN,
        "updatedAt": WHEN,
        "requestedAt": WHEN,
        "completedAt": "2026-01-01T12:20:00.000000Z",
    },
    "CancelBody": {"reason": "the wrong file"},
    "Asked": {"id": REPORT, "runId": None, "status": "generating", "eventId": EVENT},
    "Run": _RUN,
    "RunDetail": {
        **_RUN,
        "steps": [
            {
                "id": "fetch-report",
                "status": "completed",
                "attempt": 1,
                "startedAt": WHEN,
                "endedAt": WHEN,
                "input": f"'{REPORT}'",
                "output": {"id": REPORT},
                "outputUrl": f"/api/v1/runs/{RUN}/steps/fetch-report",
            }
        ],
        "stepCount": 1,
    },
    "Sent": {"ids": [EVENT], "effects": [{"started": [RUN], "cancelled": [], "skipped": []}]},
    "Event": {**_TRIGGER, "seq": 42, "effects": {"started": [RUN], "cancelled": [], "skipped": [_SKIP]}, "note": None},
    "BulkCancelBody": {
        "functionId": "generate-hybrid-report",
        "startedAfter": WHEN,
        "if": "event.data.options.resamples > 1000000",
        "dryRun": True,
    },
    "StartedCancellation": {"id": None, "dryRun": True, "matched": 12},
    "Problem": {
        "type": "/problems/conflict",
        "title": "Report is not currently generating",
        "status": 409,
        "detail": "Report is not currently generating",
        "code": "conflict",
        "instance": f"/api/v1/reports/{REPORT}/cancel",
    },
}


_NOTHING: dict[str, Any] = {"array": [], "object": {}, "integer": 0, "boolean": False}


def whole(name: str, example: Any, schemas: dict[str, Any]) -> Any:
    """The example with what its shape requires beside what it is to show: null, or nothing of its type."""
    required, fields = schemas[name].get("required", []), schemas[name].get("properties", {})
    shown = {**{field: _nothing(fields[field]) for field in required if field not in example}, **example}
    return {field: _inside(fields[field], value, schemas) for field, value in shown.items()}


def _nothing(field: dict[str, Any]) -> Any:
    kind = field.get("type", "null")
    return None if "null" in kind or "anyOf" in field else _NOTHING.get(kind)


def _inside(field: dict[str, Any], value: Any, schemas: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_inside(field.get("items", {}), each, schemas) for each in value]
    options = [field, *field.get("anyOf", []), *field.get("allOf", [])]
    named = next((each["$ref"].rpartition("/")[2] for each in options if "$ref" in each), None)
    return whole(named, value, schemas) if named and isinstance(value, dict) else value


def add_to(document: dict[str, Any]) -> None:
    """Show the examples in the finished document. `KeyError` for a shape it lacks."""
    schemas = document["components"]["schemas"]
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [whole(name, example, schemas)]
