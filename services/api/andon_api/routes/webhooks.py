"""Webhooks: who is told of the ends of runs, what each was told and is owed. A secret is shown when it is made."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from flask import Response

from andon.adapters.postgres import webhooks
from andon.adapters.postgres.asks.requests import NotFound
from andon.adapters.postgres.webhooks import Delivery, Webhook
from andon.engine.dispatch.webhooks import url_fault
from andon.engine.ids import parse_id
from andon_api.asks.auditing import note
from andon_api.database import Row, connection, db
from andon_api.http import paging
from andon_api.http.effects import Outcome, effect
from andon_api.http.paging import Listing
from andon_api.http.problems import FieldErrors
from andon_api.http.rest import PREFIX, Blueprint
from andon_api.principal import principal
from andon_api.schemas import (
    DeliveryPage,
    DeliverySchema,
    MadeWebhookSchema,
    NewWebhook,
    NoBody,
    PageQuery,
    WebhookPage,
    WebhookSchema,
)
from andon_api.services import services

blueprint = Blueprint("webhooks", __name__, description="URLs that are told of the ends of runs")


@blueprint.get("/webhooks")
@blueprint.answers(200, WebhookPage)
def listed() -> Row:
    """The tenant's webhooks, and how much each is still owed."""
    found = webhooks.list_webhooks(connection(), principal().tenant)
    return {"items": found, "next_cursor": None}


@blueprint.post("/webhooks")
@blueprint.body(NewWebhook)
@blueprint.answers(201, MadeWebhookSchema)
@blueprint.may_answer(409)
def create(body: Row) -> Response:
    """Tell this URL of the ends of runs from now on. The secret that signs is shown this once."""
    id, secret = make(body["url"])
    return _told_once(id, secret, 201)


@blueprint.get("/webhooks/<id>")
@blueprint.answers(200, WebhookSchema)
@blueprint.may_answer(404)
def one(id: str) -> Webhook:
    """A webhook, and how much it is still owed."""
    return found(id)


@blueprint.delete("/webhooks/<id>")
@blueprint.answers(204)
@blueprint.may_answer(404)
def delete(id: str) -> Response:
    """Tell it nothing more, and forget what it is owed."""
    end(id)
    db.session.commit()
    return Response(status=204)


@blueprint.post("/webhooks/<id>/rotate")
@blueprint.body(NoBody, required=False)
@blueprint.answers(200, MadeWebhookSchema)
@blueprint.may_answer(404)
def rotate(body: Row, id: str) -> Response:
    """Make another secret, which signs beside the former one until the rotation is finished. It is shown this once."""
    secret = make_secret(id)
    return _told_once(_id(id), secret, 200)


@blueprint.post("/webhooks/<id>/finish")
@blueprint.body(NoBody, required=False)
@blueprint.answers(200, WebhookSchema)
@blueprint.may_answer(404)
def finish(body: Row, id: str) -> Webhook:
    """Finish the rotation: sign with the newest secret alone from now on."""
    forget_former(id)
    db.session.commit()
    return found(id)


@blueprint.get("/webhooks/<id>/deliveries")
@blueprint.query(PageQuery)
@blueprint.answers(200, DeliveryPage)
@blueprint.may_answer(404)
def deliveries(query: Row, id: str) -> Row:
    """What it was told and is owed, newest first, with what came of the last attempt."""
    return page_of(found(id), query["cursor"], query["limit"])


@blueprint.post("/webhooks/<id>/deliveries/<int:delivery>/resend")
@blueprint.body(NoBody, required=False)
@blueprint.answers(202, DeliverySchema)
@blueprint.may_answer(404)
@effect
def resend(body: Row, id: str, delivery: int) -> Outcome:
    """Tell it again, whatever came of it before."""
    return Outcome(DeliverySchema().dump(send_again(id, delivery)))


def make(url: str) -> tuple[UUID, str]:
    """Make one, in the session's transaction; its id and its secret."""
    if fault := url_fault(url, private=services().settings.webhooks_private == "on"):
        raise FieldErrors([("/url", fault)])
    id, secret = webhooks.create_webhook(connection(), principal().tenant, url)
    note("webhook.created", id, url=url)
    return id, secret


def found(id: str) -> Webhook:
    """One of the tenant's."""
    webhook = webhooks.find_webhook(connection(), _id(id), principal().tenant)
    if webhook is None:
        raise _missing()
    return webhook


def page_of(webhook: Webhook, cursor: str | None, limit: int) -> dict[str, Any]:
    """A page of what it was told and is owed."""
    listing = Listing("deliveries", {"webhook": webhook.id})
    after = listing.decode(cursor, paging.seq)
    shown = webhooks.deliveries(connection(), webhook.id, limit + 1, after[0] if after else None)
    return listing.page(shown, limit, lambda each: [each.id])


def make_secret(id: str) -> str:
    """Another secret, in the session's transaction."""
    rotated = webhooks.rotate_secret(connection(), _id(id), principal().tenant)
    if rotated is None:
        raise _missing()
    note("webhook.rotated", _id(id), finished=False)
    return rotated[0]


def forget_former(id: str) -> None:
    """Finish the rotation, in the session's transaction."""
    if webhooks.finish_rotation(connection(), _id(id), principal().tenant) is None:
        raise _missing()
    note("webhook.rotated", _id(id), finished=True)


def end(id: str) -> None:
    """Delete one, in the session's transaction."""
    if webhooks.delete_webhook(connection(), _id(id), principal().tenant) is None:
        raise _missing()
    note("webhook.deleted", _id(id))


def send_again(id: str, delivery: int) -> Delivery:
    """Owe it once more, in the session's transaction."""
    again = webhooks.resend(connection(), delivery, found(id).id) if delivery < 2**63 else None
    if again is None:
        raise NotFound("Delivery not found")
    return again


def _told_once(id: UUID, secret: str, status: int) -> Response:
    """Commit, and show the secret: no answer with one is kept, under no Idempotency-Key either."""
    db.session.commit()
    shown = {**WebhookSchema().dump(found(str(id))), "secret": secret}
    headers = {"Cache-Control": "no-store", "Location": f"{PREFIX}/webhooks/{id}"}
    return Response(json.dumps(shown), status, headers, content_type="application/json")


def _id(text: str) -> UUID:
    known = parse_id(text)
    if known is None:
        raise _missing()
    return known


def _missing() -> NotFound:
    return NotFound("Webhook not found")
