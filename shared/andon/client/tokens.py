"""Tokens for pages in browsers: made where the key is, for a few things and a while."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .blocking import Blocking, blocking
from .decode import decode
from .models import Scope, Token
from .transport import Group, at


class AsyncTokens(Group):
    """What a page carries instead of a key. Each is for an hour at most, and ends with the key."""

    async def create(
        self, *things: str, scopes: Sequence[Scope] = ("read",), ttl: int = 900, user: dict[str, Any] | None = None
    ) -> Token:
        """A token for these, each `report:<id>`, `run:<id>` or `subject:<kind>:<id>`, up to 100, for `ttl` seconds.

        `user` is in whose name the page cancels; without it, the key's.
        """
        body = {"things": list(things), "scopes": list(scopes), "ttl": ttl, "user": user}
        return decode(Token, await self._transport.post("/tokens", body))

    async def revoke(self, id: str) -> None:
        """End a token before its time."""
        await self._transport.delete(at("tokens", id))


class Tokens(Blocking[AsyncTokens]):
    """What a page carries instead of a key. Each is for an hour at most, and ends with the key."""

    create = blocking(AsyncTokens.create)
    revoke = blocking(AsyncTokens.revoke)
