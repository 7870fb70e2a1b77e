"""A span for each request, from the first thing that is looked at until the answer is made."""

from contextlib import ExitStack

from flask import Flask, Response, g, request
from opentelemetry.trace import StatusCode, get_current_span

from andon.adapters.tracing.spans import Tracing
from andon_api.principal import traceparent
from andon_api.signals.metrics import KNOWN_METHODS


def install(app: Flask, tracing: Tracing) -> None:
    """Begin a span, or go on with the caller's trace, before everything else that `app` does with a request.

    It has the route, never the path or the query: those can hold a key.
    """

    def begin() -> None:
        method = request.method if request.method in KNOWN_METHODS else "other"
        route = request.url_rule.rule if request.url_rule else None
        attributes = {"http.request.method": method, **({"http.route": route} if route else {})}
        g.traced = ExitStack()
        g.traced.enter_context(
            tracing.span(
                f"{method} {route}" if route else method,
                kind="server",
                parent=traceparent(),
                attributes=attributes,
            )
        )
        g.traceparent = tracing.here()

    def answered(response: Response) -> Response:
        span = get_current_span()
        span.set_attribute("http.response.status_code", response.status_code)
        if "principal" in g:
            span.set_attribute("andon.tenant", g.principal.tenant)
        if response.status_code >= 500:
            span.set_status(StatusCode.ERROR)
        return response

    def end(_: BaseException | None) -> None:
        if "traced" in g:
            g.pop("traced").close()

    app.before_request(begin)
    app.after_request(answered)
    app.teardown_request(end)
