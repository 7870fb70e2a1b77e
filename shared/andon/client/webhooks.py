"""Webhooks: who is told of the ends of runs, and what each was told and is owed."""

from __future__ import annotations

from collections.abc import AsyncIterator

from .blocking import Blocking, blocking, iterating
from .decode import decode
from .models import Delivery, MadeWebhook, Webhook
from .pages import all_of, listed
from .transport import Group, at


class AsyncWebhooks(Group):
    """URLs that are told of the ends of the tenant's runs. Takes a key with the scope `admin`."""

    async def create(self, url: str) -> MadeWebhook:
        """Tell this URL from now on. The `secret` that signs is shown this once. A tenant has ten at most."""
        return decode(MadeWebhook, await self._transport.post("/webhooks", {"url": url}))

    def list(self) -> AsyncIterator[Webhook]:
        """The tenant's webhooks."""
        return all_of(self._transport, "/webhooks", Webhook)

    async def get(self, id: str) -> Webhook:
        """One of them."""
        return decode(Webhook, await self._transport.get(at("webhooks", id)))

    async def rotate(self, id: str) -> MadeWebhook:
        """Another secret, which signs beside the former one until `finish`."""
        return decode(MadeWebhook, await self._transport.post(at("webhooks", id, "rotate"), {}))

    async def finish(self, id: str) -> Webhook:
        """Sign with the newest secret alone from now on."""
        return decode(Webhook, await self._transport.post(at("webhooks", id, "finish"), {}))

    async def delete(self, id: str) -> None:
        """Tell it nothing more, and forget what it is owed."""
        await self._transport.delete(at("webhooks", id))

    def deliveries(self, id: str, *, limit: int | None = None) -> AsyncIterator[Delivery]:
        """What it was told and is owed, newest first, with what came of the last attempt."""
        return listed(self._transport, at("webhooks", id, "deliveries"), Delivery, limit)

    async def resend(self, id: str, delivery: int) -> Delivery:
        """Tell it again, whatever came of it before."""
        return decode(Delivery, await self._transport.post(at("webhooks", id, "deliveries", delivery, "resend"), {}))


class Webhooks(Blocking[AsyncWebhooks]):
    """URLs that are told of the ends of the tenant's runs. Takes a key with the scope `admin`."""

    create = blocking(AsyncWebhooks.create)
    list = iterating(AsyncWebhooks.list)
    get = blocking(AsyncWebhooks.get)
    rotate = blocking(AsyncWebhooks.rotate)
    finish = blocking(AsyncWebhooks.finish)
    delete = blocking(AsyncWebhooks.delete)
    deliveries = iterating(AsyncWebhooks.deliveries)
    resend = blocking(AsyncWebhooks.resend)
