"""Make webhooks, end them, rotate their secrets, and have something told again, in the session's transaction."""

from typing import Any
from uuid import UUID

from andon.adapters.postgres import webhooks
from andon.adapters.postgres.asks.requests import there
from andon.adapters.postgres.webhooks import Delivery, Webhook
from andon.engine.dispatch.webhook_urls import url_fault
from andon.engine.ids import parse_id
from andon_api.access.auditing import note
from andon_api.database import connection
from andon_api.http import paging
from andon_api.http.paging import Listing
from andon_api.http.problems import FieldErrors
from andon_api.principal import principal
from andon_api.services import services

NO_WEBHOOK = "Webhook not found"


def make(url: str) -> tuple[UUID, str]:
    """Make one; its id and its secret."""
    if fault := url_fault(url, private=services().settings.webhooks_private == "on"):
        raise FieldErrors([("/url", fault)])
    id, secret = webhooks.create_webhook(connection(), principal().tenant, url)
    note("webhook.created", id, url=url)
    return id, secret


def found(id: str) -> Webhook:
    """One of the tenant's."""
    return there(webhooks.find_webhook(connection(), _id(id), principal().tenant), NO_WEBHOOK)


def page_of(webhook: Webhook, cursor: str | None, limit: int) -> dict[str, Any]:
    """A page of what it was told and is owed."""
    listing = Listing("deliveries", {"webhook": webhook.id})
    after = listing.decode(cursor, paging.seq)
    shown = webhooks.deliveries(connection(), webhook.id, limit + 1, after[0] if after else None)
    return listing.page(shown, limit, lambda each: [each.id])


def make_secret(id: str) -> tuple[UUID, str]:
    """Another secret; the webhook's id and it."""
    secret, *_ = there(webhooks.rotate_secret(connection(), _id(id), principal().tenant), NO_WEBHOOK)
    note("webhook.rotated", _id(id), finished=False)
    return _id(id), secret


def finish_rotation(id: str) -> None:
    """Let the newest secret alone sign."""
    there(webhooks.finish_rotation(connection(), _id(id), principal().tenant), NO_WEBHOOK)
    note("webhook.rotated", _id(id), finished=True)


def end(id: str) -> None:
    """Delete one."""
    there(webhooks.delete_webhook(connection(), _id(id), principal().tenant), NO_WEBHOOK)
    note("webhook.deleted", _id(id))


def send_again(id: str, delivery: int) -> Delivery:
    """Owe it once more."""
    again = webhooks.resend(connection(), delivery, found(id).id) if delivery < 2**63 else None
    return there(again, "Delivery not found")


def _id(text: str) -> UUID:
    return there(parse_id(text), NO_WEBHOOK)
