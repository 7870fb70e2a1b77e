"""Pages of runs."""

from flask import Response, render_template, request, url_for

from andon.adapters.postgres.asks.requests import Conflict, there
from andon.adapters.postgres.runs.children import below
from andon.adapters.postgres.runs.run_logs import LEVELS
from andon.client.waiting_for import WAITING_FOR
from andon.engine.steps.invoking import given
from andon_api.asks.runs import ask_cancel, ask_rerun
from andon_api.console import live
from andon_api.console.parts import forms, show, timeline
from andon_api.database import Row, connection, now
from andon_api.http.effects import perform
from andon_api.http.prefer_wait import Known, wait
from andon_api.http.problems import FieldErrors
from andon_api.http.rest import PREFIX
from andon_api.principal import principal
from andon_api.reads import logs, registered, runs
from andon_api.schemas import RUN_STATUSES, RerunBody

ROWS = 50
SHOWN_LINES = 300
MADE_SECONDS = 3


def run_list() -> str:
    """Runs, newest first."""
    status, function_id = request.args.get("status") or None, request.args.get("function") or None
    given = {name: request.args.get(name) or None for name in ("event", "after", "before", "tag", "where", "waits")}
    filters = {
        "limit": ROWS,
        "cursor": request.args.get("cursor"),
        "status": [status] if status in RUN_STATUSES else [],
        "function_id": function_id,
        "event_id": given["event"],
        "queued_after": forms.utc("after", given["after"]),
        "queued_before": forms.utc("before", given["before"]),
        "tag": [given["tag"]] if given["tag"] else [],
        "where": given["where"],
        "waits_for": given["waits"],
    }
    if not (filters["status"] or given["waits"]):
        filters["kind"] = "function"  # cleanup is shown with the run that it is for; by its status it is found too
    tenant, wrong = principal().tenant, None
    try:
        page = runs.listed(tenant, filters)
    except FieldErrors as error:
        if any(each.get("parameter") != "where" for each in error.errors):
            raise
        page, wrong = {"items": [], "next_cursor": None}, error.errors[0]["detail"]
    cleanups = runs.cleanups(tenant, [each["id"] for each in page["items"]]) if not filters["status"] else {}
    return render_template(
        "console/runs.html",
        page=page,
        cleanups=cleanups,
        status=status,
        function_id=function_id,
        whats=WAITING_FOR,
        wrong=wrong,
        filtered=any([status, function_id, *given.values()]),
        statuses=RUN_STATUSES,
        functions=registered.listed(),
        now=now(),
        every=show.every([each["status"] for each in page["items"]]),
        **given,
    )


def run(id: str) -> str:
    """One run with its timeline and what it says."""
    found = there(runs.find(principal().tenant, id), "Run not found")
    said = forms.lines()
    open_family = not found["ended_at"] and found["children"]
    return render_template(
        "console/run.html",
        run={**found, "below": below(connection(), found["id"]) if open_family else 0},
        lanes=timeline.lanes(found, now()),
        retried=_retried(found),
        now=now(),
        lines=logs.newest(found["id"], said, SHOWN_LINES),
        said=said,
        on=live.topics(run=found["id"], logs=found["id"]),
        levels=LEVELS,
        most_lines=SHOWN_LINES,
        every=show.every([found["status"], *(each["status"] for each in found["cleanup"])]),
    )


def _retried(run: Row) -> list[Row]:
    """What has failed and is tried again: steps; and the function itself, without an id."""
    if run["ended_at"]:
        return []
    own = [{"id": None, "attempt": len(run["attempts"]), "error": run["error"]}] if run["error"] else []
    return own + [each for each in run["steps"] if each["error"] and each["status"] in ("retrying", "running")]


def result(id: str) -> str:
    """All of what a step, or the function, has returned."""
    step = request.args.get("step")
    tenant = principal().tenant
    found = there(runs.output(tenant, id) if step is None else runs.step(tenant, id, step), "Result not found")
    place = f"{PREFIX}/runs/{id}/output" if step is None else found["output_url"]
    return render_template("console/result.html", id=id, step=step, output=found["output"], place=place)


def cancel(id: str) -> Response:
    """Cancel the run."""
    return forms.act(lambda: ask_cancel(id, forms.reason()))


def rerun(id: str) -> Response:
    """Repeat it, whole or as the form says, and show the run that this makes; the event, while none is made."""
    tenant = principal().tenant
    former = runs.find(tenant, id)
    if former is not None and former["ended_at"] is None:
        raise Conflict("This run has not ended yet: cancel it first, or let it end")
    answer = perform(lambda: ask_rerun(id, _how(former)), request.get_data).get_json()

    def made() -> str | None:
        found = runs.listed(tenant, {"limit": 10, "cursor": None, "event_id": answer["eventId"]})["items"]
        return next(
            (str(each["id"]) for each in found if former and each["function_id"] == former["function_id"]), None
        )

    run_id = answer["runId"] or wait(Known(made), MADE_SECONDS)[0]
    place = url_for("console.run", id=run_id) if run_id else url_for("console.event", id=answer["eventId"])
    return Response("", headers={"HX-Redirect": place})


def _how(former: Row | None) -> Row:
    """What the form says: from which step, and with which data where these were changed."""
    how: Row = {"from": request.form.get("from"), "keep": request.form.get("keep") == "true"}
    if text := request.form.get("data", "").strip():
        data = forms.json_of("data", text)
        if former is None or data != given(former["event"]["data"]):
            how["data"] = data
    return forms.load(RerunBody(), {name: value for name, value in how.items() if value})
