"""Pages of subjects: the cards of a kind, and what can be asked there."""

import time
from typing import Any

import psycopg
from flask import Response, g, render_template, request, url_for
from sqlalchemy.exc import SQLAlchemyError

from andon.adapters.postgres.asks.requests import there
from andon.adapters.postgres.subjects import subject_kinds
from andon_api.asks.subjects import ask_cancel, ask_request
from andon_api.console import home
from andon_api.console.parts import forms, show
from andon_api.database import connection
from andon_api.http.problems import FieldErrors
from andon_api.principal import principal
from andon_api.reads import subjects

CARDS = 24
KNOWN_SECONDS = 10.0
MOST_IN_MENU = 6
known_kinds: dict[str, tuple[float, list[str]]] = {}


def cards(kind: str) -> str:
    """The subjects of a kind that were asked for, as cards, and the form that asks for one."""
    known = there(subject_kinds.find(connection(), kind), f"No function moves subjects of kind {kind!r}")
    asked = {"limit": CARDS, "cursor": request.args.get("cursor"), "kind": kind}
    page = subjects.listed(principal().tenant, asked)
    return render_template(
        "console/subjects.html",
        kind=known,
        page=page,
        every=show.every([each["status"] for each in page["items"]]),
    )


def ask_anew(kind: str) -> Response:
    """Ask for a run of the subject that the form names, with its data."""
    id, data = request.form.get("id", "").strip(), forms.event()["data"]
    if not id:
        raise FieldErrors([("/id", f"expected the id of a {kind}")])
    if not isinstance(data, dict):
        raise FieldErrors([("/data", "expected a JSON object")])
    forms.act(lambda: ask_request(kind, id, data))
    return Response("", headers={"HX-Redirect": url_for("console.subject_cards", kind=kind)})


def ask_again(kind: str, id: str) -> Response:
    """Ask for another run with the data of the last."""
    found = subjects.find(principal().tenant, kind, id)
    data: dict[str, Any] = found["run"]["event"]["data"] if found and found["run"] else {}
    return forms.act(lambda: ask_request(kind, id, data))


def cancel(kind: str, id: str) -> Response:
    """Cancel its run."""
    return forms.act(lambda: ask_cancel(kind, id, forms.reason()))


def kinds() -> list[str]:
    """The kinds that the menu names: those that are registered, but for Andon's own reports, which have their page.

    Nobody's menu, and one that is shown because the database is away, names what was known before.
    """
    if "principal" not in g:
        return []
    until, known = known_kinds.get("", (0.0, []))
    if time.monotonic() >= until:
        try:
            found = subject_kinds.listed(connection())
            known = [each.kind for each in found if each.function_id != home.REPORTS][:MOST_IN_MENU]
        except (SQLAlchemyError, psycopg.Error):
            return known
        known_kinds[""] = time.monotonic() + KNOWN_SECONDS, known
    return known
