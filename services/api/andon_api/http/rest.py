"""flask-smorest as this API uses it: typed decorators, problem documents in the OpenAPI, JSON bodies only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar, cast

import flask_smorest  # type: ignore[import-untyped]
import marshmallow as ma
from flask import Flask, Request, Response, current_app, jsonify, request
from webargs.flaskparser import FlaskParser

from andon_api.http import problems
from andon_api.http.bodies import LARGEST_JSON
from andon_api.http.document import openapi
from andon_api.http.effects import Outcome, effect, keeps_answers
from andon_api.http.etags import guarded, refuse_unguarded
from andon_api.http.schema import ProblemSchema, page_of
from andon_api.http.strict.json import parse_json

FILES = ("application/octet-stream", "*/*")  # whatever the file is; what generates clients asks for the first
FILE = {"type": "string", "format": "binary"}
View = TypeVar("View", bound=Callable[..., Any])
PREFIX = "/api/v1"


def _header(name: str, description: str, example: str) -> dict[str, Any]:
    return {"in": "header", "name": name, "description": description, "schema": {"type": "string"}, "example": example}


PREFER = _header("Prefer", "`wait=N`: answer when the effect is known, after at most N (to 30) seconds", "wait=10")
IDEMPOTENCY_KEY = _header(
    "Idempotency-Key", "the same key and body get the same answer, done once", "8e03978e-40d5-43dd-bc93-6894a57f9324"
)
LAST_EVENT_ID = _header("Last-Event-ID", "the id of the message that was seen last", "7b6e2a90c1d4f853")
IF_NONE_MATCH = _header(
    "If-None-Match", "the ETag of what the client has", '"0199e0a1-7c00-7000-8000-000000000001.3.7b6e2a90c1d4f853"'
)
IF_MATCH = _header(
    "If-Match",
    "the ETag of what the client has read: 412 if it was changed since",
    '"0199e0a1-7c00-7000-8000-000000000001.3.7b6e2a90c1d4f853"',
)


class Api(flask_smorest.Api):  # type: ignore[misc]
    """The OpenAPI document says what `problems` answers."""

    ERROR_SCHEMA = ProblemSchema

    def __init__(self, app: Flask) -> None:
        self._blueprints: list[Blueprint] = []
        self._writing = threading.Lock()
        super().__init__(app)

    def register_blueprint(self, blueprint: Blueprint) -> None:
        """Serve its routes. What the document says of them is made when somebody asks for that."""
        self._app.register_blueprint(blueprint)
        self._blueprints.append(blueprint)

    def _register_responses(self) -> None:
        """Not yet: with the document."""

    @property
    def document(self) -> dict[str, Any]:
        """The document of all that is registered; ask for it when that is done."""
        with self._writing:
            return self._document

    @cached_property
    def _document(self) -> dict[str, Any]:
        usual: str = flask_smorest.Api.DEFAULT_RESPONSE_CONTENT_TYPE
        self.DEFAULT_RESPONSE_CONTENT_TYPE = problems.MEDIA_TYPE
        super()._register_responses()
        self.DEFAULT_RESPONSE_CONTENT_TYPE = usual
        for each in self._blueprints:
            each.register_views_in_doc(self, self._app, self.spec, name=each.name, parameters=None)
            self.spec.tag({"name": each.name, "description": each.description})
        return openapi.finish(self.spec.to_dict())

    def _openapi_json(self) -> Response:
        return jsonify(self.document)

    def _register_error_handlers(self) -> None:
        problems.install(self._app)


class Parser(FlaskParser):
    """Strict in bodies and in queries alike: a name that isn't known is an error, not a typo that is ignored.

    So is a body that is missing where one is needed, and a parameter that is given twice where one counts.
    """

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": ma.RAISE, "query": ma.RAISE}  # noqa: RUF012 - webargs' own hook

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        body = req.get_data(cache=True)
        if len(body) > LARGEST_JSON:
            raise problems.Problem(413, f"expected a body of at most {LARGEST_JSON >> 20} MiB, got {len(body)} bytes")
        if body:
            return parse_json(body)
        if getattr(schema, "needs_body", True):
            raise problems.FieldErrors([("", "expected a JSON object as the body, found none")])
        return {}

    def load_querystring(self, req: Request, schema: ma.Schema) -> Any:
        named = {field.data_key or name: field for name, field in schema.load_fields.items()}
        lists = {name for name, field in named.items() if isinstance(field, ma.fields.List)}
        twice = [name for name, values in req.args.lists() if len(values) > 1 and name not in lists]
        if twice:
            raise problems.FieldErrors([(f"?{name}", "expected once, given several times") for name in twice])
        return super().load_querystring(req, schema)


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """A group of routes below `/api/v1`."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, name: str, import_name: str, *, description: str) -> None:
        super().__init__(name, import_name, url_prefix=PREFIX, description=description)

    def get(self, rule: str) -> Callable[[View], View]:
        return self._on(rule, "GET")

    def post(self, rule: str) -> Callable[[View], View]:
        return self._on(rule, "POST")

    def patch(self, rule: str) -> Callable[[View], View]:
        return self._on(rule, "PATCH")

    def delete(self, rule: str) -> Callable[[View], View]:
        return self._on(rule, "DELETE")

    def lists(self, rule: str, of: type[ma.Schema], query: type[ma.Schema] | None = None) -> Callable[[View], View]:
        """A route that answers with a page of these."""

        def register(view: View) -> View:
            shown = self.answers(200, page_of(of))(view)
            return self.get(rule)(shown if query is None else self.query(query)(shown))

        return register

    def verb(
        self, rule: str, body: type[ma.Schema], answer: type[ma.Schema]
    ) -> Callable[[Callable[..., Outcome]], Callable[..., Response]]:
        """A route that asks for something: it takes a body or none, and answers 202 with what comes of it."""

        def register(view: Callable[..., Outcome]) -> Callable[..., Response]:
            return self.post(rule)(self.body(body, required=False)(self.answers(202, answer)(effect(view))))

        return register

    def _on(self, rule: str, method: str) -> Callable[[View], View]:
        def register(view: View) -> View:
            view = self.documented(operationId=openapi.operation_id(self.name, view.__name__))(view)
            known = self.heeding(IDEMPOTENCY_KEY)(view) if keeps_answers(view) else view
            return cast("View", self.route(rule, methods=[method])(known))

        return register

    def body(self, schema: type[ma.Schema], *, required: bool = True) -> Callable[[View], View]:
        """Read the JSON body by `schema` into the view's next argument."""
        return cast("Callable[[View], View]", self.arguments(schema(), location="json", required=required))

    def query(self, schema: type[ma.Schema]) -> Callable[[View], View]:
        """Read the query string by `schema` into the view's next argument."""
        read = cast("Callable[[View], View]", self.arguments(schema(), location="query"))

        def reading(view: View) -> View:
            view = read(view)
            view.reads_query = True  # type: ignore[attr-defined]
            return view

        return reading

    def answers(self, status: int, schema: type[ma.Schema] | None = None, **doc: Any) -> Callable[[View], View]:
        """Document (and dump, unless the view returns a response) the answer."""
        return cast("Callable[[View], View]", self.response(status, schema, **doc))

    def sends(self, status: int, *media_types: str, description: str = "OK") -> Callable[[View], View]:
        """Document an answer that is no JSON: a text, or a file of one of these types."""
        content = {each: {"schema": {"type": "string"} if each.startswith("text/") else FILE} for each in media_types}
        answer = {str(status): {"description": description, "content": content}}

        def document(view: View) -> View:
            known = cast("View", self.response(status, description=description)(view))
            return self.documented(responses=answer)(known)

        return document

    def can_wait(
        self, schema: type[ma.Schema], description: str = "With Prefer: wait, the effect"
    ) -> Callable[[View], View]:
        """Document that the route honours `Prefer: wait`, and then answers 200."""

        def document(view: View) -> View:
            view = cast("View", self.alt_response(200, schema=schema, description=description)(view))
            return self.heeding(PREFER)(view)

        return document

    def conditional(self, view: View) -> View:
        """Document that the route answers with an ETag, and 304 to one that is still right."""
        view = cast("View", self.alt_response(304, description="What the client has is still right")(view))
        return self.heeding(IF_NONE_MATCH)(view)

    def partial(self, view: View) -> View:
        """Document that the route sends parts of a file, and nothing to who has it."""
        view = self.may_answer(416)(self.sends(206, *FILES, description="The part that Range names")(view))
        return self.conditional(view)

    def resumable(self, view: View) -> View:
        """Document that the route heeds `Last-Event-ID`, and answers 204 behind the end."""
        view = cast("View", self.alt_response(204, description="It has ended, and the client has seen it")(view))
        return self.heeding(LAST_EVENT_ID)(view)

    def guarded(self, view: View) -> View:
        """Document that the route heeds `If-Match`, and answers 412."""
        return self.heeding(IF_MATCH)(cast("View", guarded(view)))

    def documented(self, **operation: Any) -> Callable[[View], View]:
        """Add to the operation's documentation what no schema says."""

        return cast("Callable[[View], View]", self.doc(**operation))

    def heeding(self, *headers: dict[str, Any]) -> Callable[[View], View]:
        """Document these headers of the request, beside others that are documented."""

        def document(view: View) -> View:
            known = getattr(view, "_apidoc", {}).get("manual_doc", {}).get(openapi.HEADERS, [])
            return self.documented(**{openapi.HEADERS: [*known, *headers]})(view)

        return document

    def may_answer(self, status: int) -> Callable[[View], View]:
        """Document a problem of the route beside those that `openapi` tells of all that are like it."""
        known = self.alt_response(status, schema=ProblemSchema, content_type=problems.MEDIA_TYPE)
        return cast("Callable[[View], View]", known)


def install(app: Flask) -> Api:
    """The API of `app`; register blueprints on it."""
    app.config.update(
        API_TITLE="Andon",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PREFIX,
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={
            "info": {
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
                "description": "Durable functions that anyone allowed to can stop. Times are RFC 3339, in UTC.",
            }
        },
    )
    app.before_request(_refuse_coded_bodies)
    app.before_request(_refuse_other_media_types)
    app.before_request(_refuse_queries_that_nobody_reads)
    app.before_request(refuse_unguarded)
    return Api(app)


def _refuse_queries_that_nobody_reads() -> None:
    """422 for parameters of a route that has none: `?dryRun=true` must not be a cancel that is meant."""
    view = current_app.view_functions.get(request.endpoint or "")
    if request.args and hasattr(view, "_apidoc") and not getattr(view, "reads_query", False):
        raise problems.FieldErrors([(f"?{name}", "expected no parameter of this name") for name in request.args])


def _reads_a_body() -> bool:
    """Whether there is such a route and method, and the method has what to say in a body: of others none is read."""
    return request.method in {"POST", "PATCH", "PUT", "DELETE"} and request.url_rule is not None


def _has_body() -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


def _refuse_coded_bodies() -> None:
    """415 for a body that is compressed: its bytes would be taken for what they hold."""
    coding = request.headers.get("Content-Encoding", "identity").strip()
    if coding.lower() not in {"", "identity"} and _reads_a_body() and _has_body():
        said = f"expected a body without Content-Encoding, got {coding[:40]}"
        raise problems.Problem(415, said, headers={"Accept-Encoding": "identity"})


def _refuse_other_media_types() -> None:
    """415 for a body that isn't JSON, where JSON is what the route reads. Uploads and events look for themselves."""
    if not request.path.startswith(PREFIX) or not _reads_a_body():
        return
    reads_itself = request.endpoint in {"datasets.upload", "events.send"}
    if _has_body() and not reads_itself and not request.is_json:
        raise problems.Problem(415, f"expected Content-Type application/json, got {request.mimetype or 'none'}")
