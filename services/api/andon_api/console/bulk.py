"""Pages of bulk cancels: how many runs would it stop, then stop them, then see how far it is."""

from typing import Any

from flask import Response, render_template, request, url_for

from andon.adapters.postgres.asks.requests import there
from andon_api.asks.cancellations import NO_CANCELLATION, ask
from andon_api.console.parts import forms
from andon_api.database import Row
from andon_api.http.effects import perform
from andon_api.principal import principal
from andon_api.reads import cancellations, registered
from andon_api.schemas import BulkCancelBody


def bulk() -> str:
    """The form, and the newest bulk cancels."""
    return render_template(
        "console/bulk.html",
        functions=registered.listed(),
        newest=cancellations.newest(principal().tenant),
        every=2000,
    )


def count() -> str:
    """How many runs the form's cancel would stop now, and the button that stops them."""
    answer: dict[str, Any] = perform(lambda: ask(_body(dry_run=True)), request.get_data).get_json()
    return render_template(
        "console/bulk_count.html",
        matched=answer["matched"],
        failed=answer["failedEvaluations"],
        failure=answer["firstFailure"],
        function_id=request.form.get("functionId"),
        tag=request.form.get("tag"),
    )


def cancel_many() -> Response:
    """Cancel them, and show how far it is."""
    answer = perform(lambda: ask(_body(dry_run=False)), request.get_data).get_json()
    return Response("", headers={"HX-Redirect": url_for("console.cancellation", id=answer["id"])})


def cancellation(id: str) -> str:
    """One bulk cancel."""
    found = there(cancellations.find(principal().tenant, id), NO_CANCELLATION)
    return render_template("console/cancellation.html", found=found, every=3000 if found["finished_at"] else 500)


def _body(*, dry_run: bool) -> Row:
    texts = ("functionId", "tag", "if", "reason")
    given = {name: text for name in texts if (text := request.form.get(name, "").strip())}
    for name in ("startedAfter", "startedBefore"):
        if moment := forms.utc(name, request.form.get(name, "").strip()):
            given[name] = moment.isoformat()
    return forms.load(BulkCancelBody(), {**given, "dryRun": dry_run})
