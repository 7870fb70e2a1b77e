"""Errors as RFC 9457 problem documents: every one, whoever raised it."""

import http
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import structlog
from flask import Flask, Response, request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from sqlalchemy import exc as sa
from werkzeug.exceptions import HTTPException

from andon.adapters.postgres.asks.requests import Conflict, NotFound
from andon.adapters.postgres.away import first_line, why_away
from andon.adapters.postgres.subjects.subjects import RowAway
from andon.adapters.storage import StorageError
from andon.engine.errors import AndonError

log = structlog.get_logger("andon.api")
MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = "2"
PARAMETERS = {"query", "querystring", "headers", "cookies", "path"}


@dataclass(frozen=True)
class ProblemKind:
    """A kind of problem, which programs may rely on: what it means, and what to do."""

    status: int
    means: str
    do: str


# By code, which stays; each has a page at `/problems/<code>`, which is its `type`.
KINDS = {
    "bad-request": ProblemKind(
        400,
        "What was sent can't be read as a request. Also said with 408, 417, 431 and 501.",
        "Mend the request; `detail` says where.",
    ),
    "key-needed": ProblemKind(
        401,
        "No key came with the request, or one that isn't in force.",
        "Send a key: `Authorization: Bearer andon_...`.",
    ),
    "token-ended": ProblemKind(
        401, "The token is unknown, has run out or was revoked.", "Get a new one from the server that made it."
    ),
    "not-allowed": ProblemKind(
        403, "The key or token doesn't open this.", "Use one with the scope that `detail` names."
    ),
    "not-found": ProblemKind(
        404, "There is no such thing in your tenant.", "Look at the id; it may have been deleted."
    ),
    "method": ProblemKind(405, "The path is right, and takes another method.", "`Allow` names those that it takes."),
    "conflict": ProblemKind(
        409, "The thing is not in a state in which this can be asked.", "Read it again, and decide anew."
    ),
    "another-run": ProblemKind(
        409,
        "Another run goes on than the one that the page was showing.",
        "Load the page again: nothing was cancelled.",
    ),
    "changed": ProblemKind(
        412, "It has changed since it was read.", "Read it again, and send `If-Match` with its new ETag."
    ),
    "too-large": ProblemKind(413, "The body is larger than is taken.", "Send less; docs/limits.md has the limits."),
    "too-long": ProblemKind(414, "The address is longer than is taken.", "Send less in the query."),
    "media-type": ProblemKind(
        415, "The body is of another kind than is read here.", "Send it with the header that `detail` names."
    ),
    "range": ProblemKind(
        416, "The file doesn't have the bytes that were asked for.", "Ask for a range within its length."
    ),
    "invalid": ProblemKind(422, "Fields are wrong; `errors` names each.", "Mend these fields."),
    "too-many": ProblemKind(
        429, "This key calls too often, or too many of its runs wait.", "Come back after `Retry-After` seconds."
    ),
    "internal": ProblemKind(
        500, "Something went wrong on our side; it has been logged.", "Tell us the `X-Request-Id`."
    ),
    "unavailable": ProblemKind(503, "It can't be served at the moment.", "Come back after `Retry-After` seconds."),
}
STATUSES = sorted({kind.status for kind in KINDS.values()})
_USUAL = {400: "bad-request", 401: "key-needed", 409: "conflict"}
CODES = {kind.status: _USUAL.get(kind.status, code) for code, kind in KINDS.items()}


def code_of(status: int) -> str:
    """The kind of problem that a status says; 501, too, is said of what can't be read."""
    return CODES.get(status, "bad-request" if status < 500 or status == 501 else "internal")


class Problem(AndonError):
    """An answer that is an error: a status, a sentence, and the fields that are wrong."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        title: str | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        code: str | None = None,
    ) -> None:
        self.status = status
        self.code = code or code_of(status)
        self.title = title
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})
        super().__init__(detail)


class FieldErrors(Problem):
    """Fields that are wrong, as (JSON pointer or `?parameter`, what was expected)."""

    def __init__(self, found: Iterable[tuple[str, str]], status: int = 422) -> None:
        errors = [field_error(where, detail) for where, detail in found]
        super().__init__(status, "; ".join(f"{_where(e)}: {e['detail']}" for e in errors), errors=errors)


def field_error(where: str, detail: str) -> dict[str, str]:
    """One entry of `errors`: a pointer into the body, or the name of a query parameter."""
    if where.startswith("?"):
        return {"parameter": where[1:], "detail": detail}
    return {"pointer": where, "detail": detail}


def _where(error: Mapping[str, str]) -> str:
    if "parameter" in error:
        return error["parameter"] or "a parameter without a name"
    return error["pointer"].lstrip("/") or "body"


def document(problem: Problem) -> dict[str, Any]:
    """The problem as JSON."""
    body: dict[str, Any] = {
        "type": f"/problems/{problem.code}",
        "title": problem.title or phrase(problem.status),
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
    }
    return {**body, "errors": problem.errors} if problem.errors else body


def problem_response(problem: Problem) -> Response:
    """The problem as a response; it also has `error`, which is where Inngest's clients look."""
    body = {**document(problem), "instance": request.path}
    if request.path.startswith("/e/"):
        body["error"] = problem.detail
        body["instance"] = "/e/..."  # the path is the caller's key
    response = Response(json.dumps(body), status=problem.status, content_type=MEDIA_TYPE)
    response.headers.extend(problem.headers)
    return response


def of_http(error: HTTPException) -> Problem:
    """werkzeug's and webargs' exceptions as problems: their headers (Allow, Retry-After) stay."""
    status = error.code or 500
    data: Mapping[str, Any] = getattr(error, "data", None) or {}
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    headers.update(data.get("headers") or {})
    errors = [
        field_error(where, detail)
        for location, messages in (data.get("messages") or {}).items()
        for where, detail in _flatten(messages, "?" if location in PARAMETERS else "")
    ]
    if errors and status == 422:
        detail = "; ".join(f"{_where(each)}: {each['detail']}" for each in errors)
    else:
        detail = errors[0]["detail"] if errors else error.description or phrase(status)
    return Problem(status, detail, errors=errors if status == 422 else (), headers=headers)


def of_exception(error: Exception) -> Problem:
    """Any other exception as a problem: what the caller can act on, nothing of our insides."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, NotFound):
        return Problem(404, str(error), title=str(error))
    if isinstance(error, Conflict):
        return Problem(409, str(error), title=str(error), code=error.code)
    if isinstance(error, ParseException):
        return Problem(400, "the body does not come as its headers say", headers={"Connection": "close"})
    if isinstance(error, (psycopg.DataError, sa.DataError)):
        return Problem(422, "a text holds a character that can't be stored, such as \\u0000 or half of a pair")
    if why := why_away(error):
        log.warning("postgres away", why=why, error=first_line(error))
        return _unavailable(f"The database can't serve this at the moment ({why}); try again.")
    if isinstance(error, sa.TimeoutError):
        return _unavailable("Too many requests wait for the database; try again.")
    if isinstance(error, RowAway):
        log.warning("a followed row can't be looked for", error=error.fault)
        return _unavailable(str(error))
    if isinstance(error, StorageError):
        log.warning("the storage doesn't answer", error=str(error))
        return _unavailable("The file storage doesn't answer at the moment; try again.")
    log.error("unexpected error", exc_info=error)
    return Problem(500, "Something went wrong on our side; it has been logged.")


def _unavailable(detail: str) -> Problem:
    return Problem(503, detail, headers={"Retry-After": RETRY_SECONDS})


def install(app: Flask) -> None:
    """Answer every exception of `app` with a problem."""

    def answer(error: Exception) -> Response:
        return problem_response(of_http(error) if isinstance(error, HTTPException) else of_exception(error))

    app.register_error_handler(Exception, answer)
    app.register_error_handler(HTTPException, answer)


def _flatten(messages: Any, at: str) -> Iterable[tuple[str, str]]:
    """Marshmallow's nested messages as (where, what)."""
    if isinstance(messages, Mapping):
        for key, value in messages.items():
            name = str(key).replace("~", "~0").replace("/", "~1")
            inner = at if key == "_schema" else _below(at, name)
            yield from _flatten(value, inner)
    elif isinstance(messages, (list, tuple)):
        yield at, " ".join(str(each) for each in messages)
    else:
        yield at, str(messages)


def _below(at: str, name: str) -> str:
    """Where a message about `name` is; a parameter of a query has nothing below it."""
    if at.startswith("?"):
        return f"?{name}" if at == "?" else at
    return f"{at}/{name}"


def phrase(status: int) -> str:
    """What HTTP calls the status."""
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Error"
