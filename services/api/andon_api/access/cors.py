"""Pages of other sites that may use the API (CORS): exactly the origins of `ANDON_ORIGINS`, and never with a cookie."""

from flask import Flask, Response, request

from andon_api.access import origins

MAX_AGE = "600"
METHODS = "GET, HEAD, POST, PATCH, DELETE"
TAKEN = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Prefer, Range, traceparent"
)
SHOWN = (
    "Content-Disposition, Content-Range, ETag, Idempotency-Replayed, Location, Preference-Applied, RateLimit, "
    "RateLimit-Policy, Retry-After, X-Request-Id"
)


def install(app: Flask) -> None:
    """Answer preflights before anything else looks at them, and tell browsers of every answer who may read it."""
    app.before_request(_preflight)
    app.after_request(_tell)


def _preflight() -> Response | None:
    if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
        return None
    if not origins.is_welcome():
        return None
    headers = {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": TAKEN,
        "Access-Control-Max-Age": MAX_AGE,
    }
    return Response(status=204, headers=headers)


def _tell(response: Response) -> Response:
    if not origins.any_are_welcome():
        return response
    response.vary.add("Origin")
    if origins.is_welcome():
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers["Access-Control-Expose-Headers"] = SHOWN
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
