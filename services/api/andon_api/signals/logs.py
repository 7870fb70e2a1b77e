"""What the API's log lines say of the request that they were said in."""

from flask import g, has_request_context, request
from structlog.typing import EventDict

from andon_api.principal import trace_id


def request_keys(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Add the request's method, route, tenant and trace. Never its path or query: they can hold a key."""
    if not has_request_context():
        return event
    keys = {
        "method": request.method,
        "route": request.url_rule.rule if request.url_rule else None,
        "tenant": g.principal.tenant if "principal" in g else None,
        "trace_id": trace_id(),
    }
    return {**{name: value for name, value in keys.items() if value}, **event}
