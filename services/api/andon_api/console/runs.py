"""Pages of runs."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request, url_for

from andon.adapters.postgres.requests import NotFound
from andon.adapters.postgres.run_logs import LEVELS
from andon_api.console import forms, live, show, timeline
from andon_api.database import now
from andon_api.effects import perform
from andon_api.principal import principal
from andon_api.reads import events, logs, runs
from andon_api.reads import functions as registered
from andon_api.routes.runs import ask_cancel, ask_rerun
from andon_api.schemas import RUN_STATUSES

ROWS = 50
SHOWN_LINES = 300


def add_to(console: Blueprint) -> None:
    """Add these routes."""
    console.get("/runs")(run_list)
    console.get("/runs/<id>")(run)
    console.post("/runs/<id>/cancel", endpoint="cancel_run")(cancel)
    console.post("/runs/<id>/rerun")(rerun)
    console.get("/functions")(functions)


def run_list() -> str:
    """Runs, newest first."""
    status, function_id = request.args.get("status") or None, request.args.get("function") or None
    given = {name: request.args.get(name) or None for name in ("event", "after", "before")}
    filters = {
        "limit": ROWS,
        "cursor": request.args.get("cursor"),
        "status": [status] if status in RUN_STATUSES else [],
        "function_id": function_id,
        "event_id": given["event"],
        "queued_after": forms.utc("after", given["after"]),
        "queued_before": forms.utc("before", given["before"]),
    }
    page = runs.listed(principal().tenant, filters)
    return render_template(
        "console/runs.html",
        page=page,
        status=status,
        function_id=function_id,
        event_id=given["event"],
        after=given["after"],
        before=given["before"],
        filtered=any([status, function_id, *given.values()]),
        statuses=RUN_STATUSES,
        functions=events.functions(),
        now=now(),
        every=show.every([each["status"] for each in page["items"]]),
    )


def run(id: str) -> str:
    """One run with its timeline and what it says."""
    found = runs.find(principal().tenant, id)
    if found is None:
        raise NotFound("Run not found")
    said = forms.lines()
    return render_template(
        "console/run.html",
        run=found,
        lanes=timeline.lanes(found, now()),
        now=now(),
        lines=logs.newest(found["id"], said, SHOWN_LINES),
        said=said,
        on=live.topics(run=found["id"], logs=found["id"]),
        levels=LEVELS,
        most_lines=SHOWN_LINES,
        every=show.every([found["status"], *(each["status"] for each in found["cleanup"])]),
    )


def functions() -> str:
    """What is registered, and what its runs did lately."""
    return render_template(
        "console/functions.html", functions=registered.with_statistics(principal().tenant), every=10000
    )


def cancel(id: str) -> Response:
    """Cancel the run."""
    return forms.act(lambda: ask_cancel(id, forms.reason()))


def rerun(id: str) -> Response:
    """Send its trigger again, and show what that did."""
    answer = perform(lambda: ask_rerun(id), request.get_data).get_json()
    run_id = answer["runId"]
    shown = url_for("console.run", id=run_id) if run_id else url_for("console.event", id=answer["eventId"])
    return Response("", headers={"HX-Redirect": shown})
