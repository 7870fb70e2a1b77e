"""Pages of webhooks: who is told of the ends of runs, what each was told and is owed, and what can be done about it."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request, url_for

from andon.adapters.postgres import webhooks
from andon.adapters.postgres.requests import NotFound
from andon.adapters.postgres.webhooks import Webhook
from andon.engine.ids import parse_id
from andon.engine.webhooks import url_fault
from andon_api import paging
from andon_api.auditing import note
from andon_api.console import forms
from andon_api.database import connection, db
from andon_api.effects import Outcome
from andon_api.paging import Listing
from andon_api.principal import principal
from andon_api.problems import FieldErrors
from andon_api.services import services

ROWS = 50


def add_to(console: Blueprint) -> None:
    """Add these routes."""
    console.get("/webhooks")(webhook_list)
    console.post("/webhooks")(create_webhook)
    console.get("/webhooks/<id>", endpoint="webhook")(deliveries)
    console.post("/webhooks/<id>/rotate")(rotate_webhook)
    console.post("/webhooks/<id>/finish")(finish_rotation)
    console.post("/webhooks/<id>/delete")(delete_webhook)
    console.post("/webhooks/<id>/deliveries/<int:delivery>/resend")(resend_delivery)


def webhook_list() -> str:
    """The tenant's webhooks, and the form that makes one."""
    found = webhooks.list_webhooks(connection(), principal().tenant)
    return render_template("console/webhooks.html", webhooks=found, every=5000)


def create_webhook() -> Response:
    """Make one, and show its secret."""
    url = request.form.get("url", "").strip()
    if fault := url_fault(url, private=services().settings.webhooks_private == "on"):
        raise FieldErrors([("/url", fault)])
    id, secret = webhooks.create_webhook(connection(), principal().tenant, url)
    note("webhook.created", id, url=url)
    return _told_once(secret, f"Webhook for {url}")


def deliveries(id: str) -> str:
    """A webhook, and what it was told and is owed, newest first."""
    webhook = _found(id)
    listing = Listing("deliveries", {"webhook": webhook.id})
    after = listing.decode(request.args.get("cursor"), paging.seq)
    found = webhooks.deliveries(connection(), webhook.id, ROWS + 1, after[0] if after else None)
    page = listing.page(found, ROWS, lambda each: [each.id])
    return render_template("console/webhook.html", webhook=webhook, page=page, every=2000)


def rotate_webhook(id: str) -> Response:
    """Make another secret, which signs beside the former one, and show it."""
    rotated = webhooks.rotate_secret(connection(), _id(id), principal().tenant)
    if rotated is None:
        raise _missing()
    note("webhook.rotated", _id(id), finished=False)
    return _told_once(rotated[0], "Another secret")


def finish_rotation(id: str) -> Response:
    """Sign with the newest secret alone."""

    def finish() -> Outcome:
        if webhooks.finish_rotation(connection(), _id(id), principal().tenant) is None:
            raise _missing()
        note("webhook.rotated", _id(id), finished=True)
        return Outcome(None)

    return forms.act(finish)


def delete_webhook(id: str) -> Response:
    """Tell it nothing more."""

    def delete() -> Outcome:
        if webhooks.delete_webhook(connection(), _id(id), principal().tenant) is None:
            raise _missing()
        note("webhook.deleted", _id(id))
        return Outcome(None)

    forms.act(delete)
    return Response("", headers={"HX-Redirect": url_for("console.webhook_list")})


def resend_delivery(id: str, delivery: int) -> Response:
    """Tell it once more."""

    def resend() -> Outcome:
        _found(id)
        if delivery >= 2**63 or not webhooks.resend(connection(), delivery, principal().tenant):
            raise NotFound("Delivery not found")
        return Outcome(None)

    return forms.act(resend)


def _told_once(secret: str, what: str) -> Response:
    """Commit, and show the secret: no answer with one is kept, under no Idempotency-Key either."""
    db.session.commit()
    response = make_response(render_template("console/webhook_secret.html", secret=secret, what=what))
    response.headers["HX-Trigger"] = "changed"
    return response


def _found(id: str) -> Webhook:
    found = webhooks.find_webhook(connection(), _id(id), principal().tenant)
    if found is None:
        raise _missing()
    return found


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise _missing()
    return found


def _missing() -> NotFound:
    return NotFound("Webhook not found")
