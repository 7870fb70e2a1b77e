"""The shapes of events, as JSON Schemas that the OpenAPI and the AsyncAPI document share: one of each, by one name.

What anybody sends, what Andon tells of the ends of runs, and what a webhook is sent.
"""

from typing import Any

from andon.adapters.postgres.cancels.causes import CancelCause
from andon.adapters.postgres.events.own_events import LONGEST_REASON
from andon.engine.events import DEFAULT_TENANT, ENDS, MAX_BYTES, MAX_ID, MAX_NAME, NAME

Schema = dict[str, Any]
PLACE = "#/components/schemas/"


def ref(name: str) -> Schema:
    """The shape of this name in either document."""
    return {"$ref": PLACE + name}


def text(description: str, **rules: Any) -> Schema:
    return {"type": "string", "description": description, **rules}


def _object(description: str, required: list[str], **properties: Schema) -> Schema:
    return {"type": "object", "description": description, "required": required, "properties": properties}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]} if "$ref" in schema else {**schema, "type": [schema["type"], "null"]}


UUID: Schema = {"type": "string", "format": "uuid"}
TIME: Schema = {"type": "string", "format": "date-time"}
REASON = text("why, for people", maxLength=LONGEST_REASON)

# What every event has, whatever way it comes.
FIELDS: dict[str, Schema] = {
    "name": text(
        "what happened, as noun/past.tense",
        pattern=f"^{NAME.pattern}$",
        maxLength=MAX_NAME,
        examples=["report/generation.requested"],
    ),
    "id": text("sent again with the same id, it has no second effect", maxLength=MAX_ID),
    "tenant": text("whose it is", maxLength=MAX_NAME, default=DEFAULT_TENANT),
    "traceparent": text("W3C trace context"),
}
DATA: Schema = {"type": "object", "description": f"with user at most {MAX_BYTES} bytes"}
USER: Schema = {"description": "on whose behalf: any JSON"}

_TRIGGER = _object(
    "The event that a run was made for",
    ["id", "name", "data"],
    id=FIELDS["id"],
    name=FIELDS["name"],
    data=_or_null(DATA),
    user=USER,
    dataLeftOut={"type": "boolean", "description": "there was no room for the data: GET /events/{id} has them"},
)
_ERROR = {"type": "object", "description": "type, message and what else is known; `shortened` if it was too long"}
SHAPES: dict[str, Schema] = {
    "NewEvent": _object(
        "An event that somebody sends",
        ["name"],
        name=FIELDS["name"],
        data=DATA,
        id=FIELDS["id"],
        ts={"description": "milliseconds since 1970, or RFC 3339"},
        user=USER,
    ),
    "RunEnded": _object(
        f"Data of {', '.join(ENDS)}",
        ["functionId", "runId", "event", "error", "reason", "requestedBy", "completedSteps", "completedStepCount"],
        functionId={"type": "string"},
        runId=UUID,
        event=_TRIGGER,
        error=_or_null(_ERROR),
        reason=_or_null(text("of a cancel, as whoever asked gave it")),
        requestedBy={"description": "who asked for the cancel: any JSON"},
        cancelEventId=_or_null(text("the event that cancelled it")),
        cause=_or_null(text(f"of a cancel that nobody asked for: {', '.join(CancelCause)}")),
        parentRunId=_or_null(UUID),
        completedSteps={
            "type": "array",
            "items": {"type": "string"},
            "description": "of many, the first and the last 50",
        },
        completedStepCount={"type": "integer"},
    ),
    "RunCancelled": _object("Data of andon/run.cancelled: cancels one run", ["runId"], runId=UUID, reason=REASON),
    "SubjectCancelled": _object(
        "Data of andon/subject.cancelled: cancels the run of a subject",
        ["kind", "id"],
        kind={"type": "string"},
        id={"type": ["string", "integer"]},
        reason=REASON,
    ),
    "RunsCancelled": _object(
        "Data of andon/runs.cancelled: cancels many runs, of a function or with a tag",
        [],
        functionId={"type": "string"},
        tag={"type": "string"},
        **{"if": text("a CEL expression")},
        startedAfter=TIME,
        startedBefore=TIME,
        reason=REASON,
    ),
    "WebhookBody": _object(
        "What a webhook is sent; `Andon-Signature` signs it",
        ["id", "type", "tenant", "createdAt", "reportId", "subject", "data"],
        id=text("the same id is the same end, however often it is sent"),
        type={"type": "string", "enum": list(ENDS)},
        tenant={"type": "string"},
        createdAt=TIME,
        reportId=_or_null(UUID),
        subject=_or_null(
            _object("What the run was about", ["kind", "id"], kind={"type": "string"}, id={"type": "string"})
        ),
        data=ref("RunEnded"),
    ),
}
# The events of Andon's own, and the shape of their data.
OWN: dict[str, str] = {
    **dict.fromkeys(ENDS, "RunEnded"),
    "andon/run.cancelled": "RunCancelled",
    "andon/subject.cancelled": "SubjectCancelled",
    "andon/runs.cancelled": "RunsCancelled",
}
IN_REST = ("NewEvent", "RunEnded", "WebhookBody")
WEBHOOKS: Schema = {
    "runEnded": {
        "post": {
            "operationId": "runEnded",
            "summary": "A run has completed, failed or was cancelled",
            "description": "Sent until it is answered with 2xx, for three days; see the page on webhooks.",
            "tags": ["webhooks"],
            "security": [],
            "parameters": [
                {"in": "header", "name": name, "required": True, "schema": {"type": "string"}, "description": said}
                for name, said in (
                    ("Andon-Signature", "`t=<seconds>,v1=<hex HMAC-SHA256 of t.body>`; one `v1` for each secret"),
                    ("Andon-Event-Id", "the `id` of the body"),
                )
            ],
            "requestBody": {"required": True, "content": {"application/json": {"schema": ref("WebhookBody")}}},
            "responses": {"2XX": {"description": "It was taken"}, "default": {"description": "It is sent again"}},
        }
    }
}
