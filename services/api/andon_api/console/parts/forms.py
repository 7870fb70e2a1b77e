"""What the console's forms send, read into what the API takes."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from flask import Response, request
from marshmallow import Schema, ValidationError
from werkzeug.exceptions import HTTPException

from andon.adapters.postgres.runs.run_logs import Wanted
from andon_api.http.effects import Outcome, perform
from andon_api.http.problems import FieldErrors, Problem, of_http
from andon_api.http.strict.json import NOT_JSON, parse_json
from andon_api.schemas import LinesQuery, RunCancelBody


def act(action: Callable[[], Outcome]) -> Response:
    """Perform the action as the API does; the page then looks again."""
    perform(action, request.get_data)
    return Response("", headers={"HX-Trigger": "changed"})


def do(action: Callable[[], object]) -> Response:
    """As `act`, for what answers nothing."""

    def done() -> Outcome:
        action()
        return Outcome(None)

    return act(done)


def load(schema: Schema, values: dict[str, Any]) -> dict[str, Any]:
    """The values as `schema` reads them; raises `FieldErrors`."""
    try:
        return dict(schema.load(values))
    except ValidationError as error:
        found = error.normalized_messages()  # type: ignore[no-untyped-call]
        raise FieldErrors([(f"/{name}", " ".join(map(str, said))) for name, said in found.items()]) from None


def utc(name: str, text: str | None) -> dt.datetime | None:
    """What a datetime-local input gives, as UTC; None for nothing."""
    if not text:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise FieldErrors([(f"/{name}", f"expected a date and time, got {text[:40]!r}")]) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def filled(*names: str) -> dict[str, str]:
    """Those of the form's fields that say something."""
    return {name: value for name in names if (value := request.form.get(name, "").strip())}


def reason() -> str | None:
    """Why a cancel is asked, if the dialog says."""
    loaded = load(RunCancelBody(), filled("reason"))
    return None if loaded["reason"] is None else str(loaded["reason"])


def options() -> dict[str, Any]:
    """A report's options: the fields that were filled in."""
    chosen: dict[str, Any] = {}
    resamples = request.form.get("resamples", "").strip()
    if resamples:
        chosen["resamples"] = _whole(resamples)
    sections = request.form.getlist("sections")
    if sections:
        chosen["sections"] = sections
    for name in ("question", "locale"):
        if value := request.form.get(name):
            chosen[name] = value
    names, roles = request.form.getlist("column"), request.form.getlist("role")
    if changed := {name: {"role": role} for name, role in zip(names, roles, strict=False) if role}:
        chosen["columns"] = changed
    return chosen


def _whole(text: str) -> int:
    try:
        return int(text.replace(",", "").replace("_", ""))
    except ValueError:
        raise FieldErrors([("/options/resamples", f"expected a whole number, got {text[:40]!r}")]) from None


def lines() -> Wanted:
    """Which log lines a run's page shows."""
    asked = {name: request.args.get(name) or None for name in ("step", "attempt", "level", "text")}
    query = load(LinesQuery(), {name: value for name, value in asked.items() if value is not None})
    return Wanted(query["step"], query["attempt"], query["level"], query["text"])


def json_of(name: str, text: str) -> Any:
    """What a field of JSON says."""
    try:
        return parse_json(text)
    except Problem as problem:
        raise FieldErrors([(f"/{name}", f"expected JSON: {problem.detail.removeprefix(NOT_JSON)}")]) from None


def event() -> dict[str, Any]:
    """The event that the form describes."""
    data = json_of("data", request.form.get("data", "").strip() or "{}")
    id = request.form.get("id", "").strip()
    return {"name": request.form.get("name", "").strip(), "data": data, **({"id": id} if id else {})}


def problem_of(error: Exception) -> Problem | None:
    """werkzeug's exceptions as problems; None for any other."""
    return of_http(error) if isinstance(error, HTTPException) else None
