"""An answer to what never becomes a request: a problem document as any other, written by hand."""

import json
from http import HTTPStatus

from gunicorn.http.errors import (  # type: ignore[import-untyped]
    ExpectationFailed,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
    UnsupportedTransferCoding,
)

_STATUSES = {
    LimitRequestLine: 414,
    ExpectationFailed: 417,
    LimitRequestHeaders: 431,
    UnsupportedTransferCoding: 501,
}
_CODES = {414: "too-long", 500: "internal", 503: "unavailable"}  # others are of a "bad-request"


def refusal(status: int, detail: str, *, again_after: int | None = None) -> bytes:
    """The whole response, after which the connection ends; `again_after` is in seconds."""
    code = _CODES.get(status, "bad-request")
    title = HTTPStatus(status).phrase
    body = {"type": f"/problems/{code}", "title": title, "status": status, "detail": detail, "code": code}
    content = json.dumps(body).encode()
    head = [f"HTTP/1.1 {status} {title}", "Content-Type: application/problem+json", f"Content-Length: {len(content)}"]
    if again_after is not None:
        head.append(f"Retry-After: {again_after}")
    return "\r\n".join([*head, "Connection: close", "", ""]).encode() + content


def of_error(error: BaseException) -> bytes:
    """The response to what can't be read as HTTP, without a word of it: it may be a key in the wrong place."""
    if not isinstance(error, ParseException):
        return refusal(500, "Something went wrong on our side; it has been logged.")
    status = next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), 400)
    return refusal(status, f"What came is not HTTP as it is read here: {type(error).__name__}.")
