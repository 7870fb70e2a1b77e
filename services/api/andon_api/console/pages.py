"""The console's blueprint: its pages and its errors."""

from flask import Blueprint, Response, g, render_template, request
from werkzeug.exceptions import HTTPException

from andon import unserved
from andon.client import causes, waiting_for
from andon.engine.steps.invoking import given
from andon_api.access.gate import gate
from andon_api.access.scopes import READ, scopes_of
from andon_api.console import (
    audit,
    bulk,
    events,
    functions,
    home,
    live,
    reports,
    runs,
    schedules,
    subjects,
    usage,
    webhooks,
)
from andon_api.console.parts import forms, gist, json_view, refusals, show
from andon_api.console.parts.renderings import Renderings
from andon_api.database import now
from andon_api.http.problems import Problem, of_exception, of_http, problem_response
from andon_api.http.rest import PREFIX
from andon_api.http.strict.fields import rfc3339
from andon_api.principal import principal
from andon_api.services import services


def blueprint() -> Blueprint:
    """The console's routes, at `/`."""
    made = Blueprint(
        "console", __name__, static_folder="static", template_folder="templates", static_url_path="/static"
    )
    _add_pages(made)
    made.app_template_filter("ago")(lambda value: show.ago(value, now()))
    made.app_template_filter("moment")(show.moment)
    made.app_template_filter("duration")(show.duration)
    made.app_template_filter("left")(lambda value: show.left(value, now()))
    made.app_template_filter("size")(show.size)
    made.app_template_filter("person")(show.person)
    made.app_template_filter("straight")(show.straight)
    made.app_template_filter("pretty")(show.pretty)
    made.app_template_filter("tree")(json_view.tree)
    made.app_template_filter("gist")(gist.gist)
    made.app_template_filter("given")(given)
    made.app_template_filter("kind")(show.kind)
    made.app_template_filter("cause")(causes.said)
    made.app_template_filter("waiting_for")(waiting_for.said)
    made.app_template_filter("why")(refusals.why)
    made.app_template_filter("said")(refusals.said)
    made.app_template_filter("wrong_fields")(refusals.fields)
    made.app_template_global("may")(_may)
    made.app_template_global("has_reports")(home.has_reports)
    made.app_template_global("subject_kinds")(subjects.kinds)
    made.app_template_global("unserved")(lambda: unserved.kept(services().settings.home))
    made.app_template_filter("iso")(rfc3339)
    made.app_template_global("topics")(live.topics)
    Renderings().add_to(made)
    made.register_error_handler(Exception, _failed)
    made.app_errorhandler(404)(_nowhere)
    return made


def _add_pages(made: Blueprint) -> None:
    """Its pages, and what can be asked for there, by their addresses."""
    made.get("/", endpoint="home")(home.page)
    made.get("/live")(live.live)
    made.get("/reports")(reports.cards)
    made.post("/reports")(reports.create)
    made.post("/datasets")(reports.upload)
    made.get("/datasets/preview")(reports.preview)
    made.get("/reports/<id>")(reports.report)
    made.post("/reports/<id>/generate")(reports.generate)
    made.post("/reports/<id>/cancel")(reports.cancel)
    made.post("/reports/<id>/delete")(reports.delete)
    made.get("/subjects/<kind>", endpoint="subject_cards")(subjects.cards)
    made.post("/subjects/<kind>", endpoint="request_subject")(subjects.ask_anew)
    made.post("/subjects/<kind>/<path:id>/request", endpoint="request_again")(subjects.ask_again)
    made.post("/subjects/<kind>/<path:id>/cancel", endpoint="cancel_subject")(subjects.cancel)
    made.get("/runs")(runs.run_list)
    made.get("/runs/<id>")(runs.run)
    made.get("/runs/<id>/result")(runs.result)
    made.post("/runs/<id>/cancel", endpoint="cancel_run")(runs.cancel)
    made.post("/runs/<id>/rerun")(runs.rerun)
    made.get("/functions", endpoint="functions")(functions.function_list)
    made.post("/functions/<path:name>/pause")(functions.pause_function)
    made.post("/functions/<path:name>/resume")(functions.resume_function)
    made.get("/events")(events.event_list)
    made.post("/events")(events.send)
    made.get("/events/<path:id>")(events.event)
    made.get("/dead-events")(events.dead_events)
    made.post("/dead-events/<int:id>/replay")(events.replay_dead)
    made.get("/schedules")(schedules.schedule_list)
    made.post("/schedules/<id>/pause")(schedules.pause_schedule)
    made.post("/schedules/<id>/resume")(schedules.resume_schedule)
    made.post("/schedules/<id>/run")(schedules.run_schedule)
    made.get("/cancellations")(bulk.bulk)
    made.post("/cancellations/count")(bulk.count)
    made.post("/cancellations")(bulk.cancel_many)
    made.get("/cancellations/<id>")(bulk.cancellation)
    made.get("/webhooks")(webhooks.webhook_list)
    made.post("/webhooks")(webhooks.create_webhook)
    made.get("/webhooks/<id>", endpoint="webhook")(webhooks.deliveries)
    made.post("/webhooks/<id>/rotate")(webhooks.rotate_webhook)
    made.post("/webhooks/<id>/finish")(webhooks.finish_rotation)
    made.post("/webhooks/<id>/delete")(webhooks.delete_webhook)
    made.post("/webhooks/<id>/deliveries/<int:delivery>/resend")(webhooks.resend_delivery)
    made.get("/audit")(audit.audit_list)
    made.get("/usage")(usage.usage_page)
    made.post("/keeping")(usage.change_keeping)


def _may(endpoint: str) -> bool:
    """Whether who asks may open this page; of nobody, whether a reader may."""
    held = principal().scopes if "principal" in g else READ
    return bool(held & (scopes_of(endpoint) or READ))


def _nowhere(error: HTTPException) -> Response | tuple[str, int, dict[str, str]]:
    """A page for who looks for one where nothing is; programs get a problem as everywhere."""
    if request.path.startswith(f"{PREFIX}/") or "text/html" not in request.headers.get("Accept", ""):
        return problem_response(of_http(error))
    gate().recognise()
    return _failed(Problem(404, "There is no such page.", title=refusals.NO_PAGE))


def _failed(error: Exception) -> tuple[str, int, dict[str, str]]:
    """An error where the person is: in the form or card that asked, else as a page."""
    problem = forms.problem_of(error) or of_exception(error)
    template = "console/problem.html" if "HX-Request" in request.headers else "console/error.html"
    return render_template(template, problem=problem), problem.status, problem.headers
