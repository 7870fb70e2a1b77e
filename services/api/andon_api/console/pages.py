"""The console's blueprint: its pages and its errors."""

from __future__ import annotations

from flask import Blueprint, Response, g, render_template, request
from werkzeug.exceptions import HTTPException

from andon.engine.steps.invoking import given
from andon_api.access.scopes import READ, scopes_of
from andon_api.console import audit, bulk, events, home, live, reports, runs, schedules, subjects, usage, webhooks
from andon_api.console.parts import forms, gist, json_view, show, whys
from andon_api.console.parts.renderings import Renderings
from andon_api.database import now
from andon_api.http.problems import Problem, of_exception, of_http, problem_response
from andon_api.http.rest import PREFIX
from andon_api.http.strict_fields import rfc3339
from andon_api.principal import principal


def blueprint() -> Blueprint:
    """The console's routes, at `/`."""
    made = Blueprint(
        "console", __name__, static_folder="static", template_folder="templates", static_url_path="/static"
    )
    for module in (home, live, reports, subjects, runs, events, schedules, bulk, webhooks, audit, usage):
        module.add_to(made)
    made.app_template_filter("ago")(lambda value: show.ago(value, now()))
    made.app_template_filter("moment")(show.moment)
    made.app_template_filter("duration")(show.duration)
    made.app_template_filter("left")(lambda value: show.left(value, now()))
    made.app_template_filter("size")(show.size)
    made.app_template_filter("person")(show.person)
    made.app_template_filter("pretty")(show.pretty)
    made.app_template_filter("tree")(json_view.tree)
    made.app_template_filter("gist")(gist.gist)
    made.app_template_filter("given")(given)
    made.app_template_filter("kind")(show.kind)
    made.app_template_filter("why")(whys.why)
    made.app_template_filter("wrong_fields")(whys.fields)
    made.app_template_global("may")(_may)
    made.app_template_global("has_reports")(home.has_reports)
    made.app_template_global("subject_kinds")(subjects.kinds)
    made.app_template_filter("iso")(rfc3339)
    made.app_template_global("topics")(live.topics)
    Renderings().add_to(made)
    made.register_error_handler(Exception, _failed)
    made.app_errorhandler(404)(_nowhere)
    return made


def _may(endpoint: str) -> bool:
    """Whether who asks may open this page; of nobody, whether a reader may."""
    held = principal().scopes if "principal" in g else READ
    return bool(held & (scopes_of(endpoint) or READ))


def _nowhere(error: HTTPException) -> Response | tuple[str, int, dict[str, str]]:
    """A page for who looks for one where nothing is; programs get a problem as everywhere."""
    if request.path.startswith(f"{PREFIX}/") or "text/html" not in request.headers.get("Accept", ""):
        return problem_response(of_http(error))
    return _failed(Problem(404, "There is no such page.", title=whys.NO_PAGE))


def _failed(error: Exception) -> tuple[str, int, dict[str, str]]:
    """An error where the person is: in the form or card that asked, else as a page."""
    problem = forms.problem_of(error) or of_exception(error)
    template = "console/problem.html" if "HX-Request" in request.headers else "console/error.html"
    return render_template(template, problem=problem), problem.status, problem.headers
