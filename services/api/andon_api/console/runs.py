"""Pages of runs."""

from __future__ import annotations

import datetime as dt

from flask import Blueprint, Response, render_template, request

from andon.adapters.postgres.requests import NotFound
from andon_api.console import forms, show, timeline
from andon_api.principal import principal
from andon_api.reads import events, runs
from andon_api.routes.runs import ask_cancel, ask_rerun
from andon_api.schemas import RUN_STATUSES

ROWS = 50


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
    filters = {"limit": ROWS, "cursor": request.args.get("cursor"), "status": status, "function_id": function_id}
    page = runs.listed(principal().tenant, filters)
    return render_template(
        "console/runs.html",
        page=page,
        status=status,
        function_id=function_id,
        statuses=RUN_STATUSES,
        functions=events.functions(),
        now=dt.datetime.now(dt.UTC),
        every=show.every([each["status"] for each in page["items"]]),
    )


def run(id: str) -> str:
    """One run with its timeline."""
    found = runs.find(principal().tenant, id)
    if found is None:
        raise NotFound("Run not found")
    now = dt.datetime.now(dt.UTC)
    return render_template(
        "console/run.html",
        run=found,
        bars=timeline.bars(found, now),
        now=now,
        every=show.every([found["status"], *(each["status"] for each in found["cleanup"])]),
    )


def functions() -> str:
    """What is registered."""
    return render_template("console/functions.html", functions=events.functions(), every=10000)


def cancel(id: str) -> Response:
    """Cancel the run."""
    return forms.act(lambda: ask_cancel(id, forms.reason()))


def rerun(id: str) -> Response:
    """Send its trigger again."""
    return forms.act(lambda: ask_rerun(id))
