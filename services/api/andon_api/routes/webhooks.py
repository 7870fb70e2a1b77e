"""Webhooks: who is told of the ends of runs, what each was told and is owed. A secret is shown when it is made."""

import json
from uuid import UUID

from flask import Response

from andon.adapters.postgres import webhooks
from andon.adapters.postgres.webhooks import Webhook
from andon_api.asks import webhooks as ask
from andon_api.database import Row, connection, db
from andon_api.http.effects import Outcome
from andon_api.http.rest import PREFIX, Blueprint
from andon_api.principal import principal
from andon_api.schemas import DeliverySchema, MadeWebhookSchema, NewWebhook, NoBody, PageQuery, WebhookSchema

blueprint = Blueprint("webhooks", __name__, description="URLs that are told of the ends of runs")


@blueprint.lists("/webhooks", WebhookSchema)
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
    return _told_once(*ask.make(body["url"]), 201)


@blueprint.get("/webhooks/<id>")
@blueprint.answers(200, WebhookSchema)
def one(id: str) -> Webhook:
    """A webhook, and how much it is still owed."""
    return ask.found(id)


@blueprint.delete("/webhooks/<id>")
@blueprint.answers(204)
def delete(id: str) -> Response:
    """Tell it nothing more, and forget what it is owed."""
    ask.end(id)
    db.session.commit()
    return Response(status=204)


@blueprint.post("/webhooks/<id>/rotate")
@blueprint.body(NoBody, required=False)
@blueprint.answers(200, MadeWebhookSchema)
def rotate(body: Row, id: str) -> Response:
    """Make another secret, which signs beside the former one until the rotation is finished. It is shown this once."""
    return _told_once(*ask.make_secret(id), 200)


@blueprint.post("/webhooks/<id>/finish")
@blueprint.body(NoBody, required=False)
@blueprint.answers(200, WebhookSchema)
def finish(body: Row, id: str) -> Webhook:
    """Finish the rotation: sign with the newest secret alone from now on."""
    ask.finish_rotation(id)
    db.session.commit()
    return ask.found(id)


@blueprint.lists("/webhooks/<id>/deliveries", DeliverySchema, PageQuery)
def deliveries(query: Row, id: str) -> Row:
    """What it was told and is owed, newest first, with what came of the last attempt."""
    return ask.page_of(ask.found(id), query["cursor"], query["limit"])


@blueprint.verb("/webhooks/<id>/deliveries/<int:delivery>/resend", NoBody, DeliverySchema)
def resend(body: Row, id: str, delivery: int) -> Outcome:
    """Tell it again, whatever came of it before."""
    return Outcome(DeliverySchema().dump(ask.send_again(id, delivery)))


def _told_once(id: UUID, secret: str, status: int) -> Response:
    """Commit, and show the secret: no answer with one is kept, under no Idempotency-Key either."""
    db.session.commit()
    shown = {**WebhookSchema().dump(ask.found(str(id))), "secret": secret}
    headers = {"Cache-Control": "no-store", "Location": f"{PREFIX}/webhooks/{id}"}
    return Response(json.dumps(shown), status, headers, content_type="application/json")
