"""Errors as RFC 9457 problem documents: every one, whoever raised it."""

from __future__ import annotations

import http
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
import structlog
from flask import Flask, Response, request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from sqlalchemy import exc as sa
from werkzeug.exceptions import HTTPException

from andon.adapters.postgres.away import first_line, why_away
from andon.adapters.postgres.requests import Conflict, NotFound
from andon.adapters.storage import StorageError
from andon.engine.errors import AndonError

log = structlog.get_logger("andon.api")
MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = "2"
PARAMETERS = {"query", "querystring", "headers", "cookies", "path"}


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
    ) -> None:
        self.status = status
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
        "type": "about:blank",
        "title": problem.title or _phrase(problem.status),
        "status": problem.status,
        "detail": problem.detail,
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
        detail = errors[0]["detail"] if errors else error.description or _phrase(status)
    return Problem(status, detail, errors=errors if status == 422 else (), headers=headers)


def of_exception(error: Exception) -> Problem:
    """Any other exception as a problem: what the caller can act on, nothing of our insides."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, NotFound):
        return Problem(404, str(error), title=str(error))
    if isinstance(error, Conflict):
        return Problem(409, str(error), title=str(error))
    if isinstance(error, ParseException):
        return Problem(400, "the body does not come as its headers say", headers={"Connection": "close"})
    if isinstance(error, (psycopg.DataError, sa.DataError)):
        return Problem(422, "a text holds a character that can't be stored, such as \\u0000 or half of a pair")
    if why := why_away(error):
        log.warning("postgres away", why=why, error=first_line(error))
        return _unavailable(f"The database can't serve this at the moment ({why}); try again.")
    if isinstance(error, sa.TimeoutError):
        return _unavailable("Too many requests wait for the database; try again.")
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


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Error"
